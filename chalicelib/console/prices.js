// Bills that were matched, and the price lists that they were matched with.

import {filledPage, get} from "./api.js";
import {fill, h} from "./dom.js";
import {count} from "./format.js";
import * as live from "./live.js";
import {badge, Pager, progressOf, statusBadge, table, tabs, time} from "./widgets.js";

export async function show({root, rest, query, signal}) {
  if (rest) return (await import("./price_job.js")).show({root, id: rest, query, signal});
  fill(root, h("div.head", {}, h("h1", {}, "Prices"), h("a.button.primary", {href: "#/drop"}, "Drop a bill or a price list")),
    tabs("Prices", [{id: "jobs", title: "Matched bills", draw: (panel) => paged(panel, (from) => jobs(from, signal), "bills")},
      {id: "lists", title: "Price lists", draw: (panel) => paged(panel, (from) => lists(from, signal), "versions")}], query.get("tab") || "jobs"));
}

/** Fill `panel` with pages of a listing; `load(cursor)` answers {element, shown, cursor}. */
async function paged(panel, load, words) {
  const list = h("div", {}, h("p.quiet", {}, "Loading."));
  const pager = new Pager(turn);
  fill(panel, list, pager.element);
  await turn("");

  async function turn(from) {
    const page = await load(from);
    fill(list, page.element);
    pager.draw(page.shown, page.cursor, words);
  }
}

async function jobs(from, signal) {
  const page = await filledPage("status", "jobs", {query: {pipeline: "prices", limit: 50, cursor: from},
    keep: (job) => !job.metadata.options.priceList, signal});
  page.items.forEach(live.follow);
  const option = (job, name) => job.metadata.options[name];
  return {shown: page.items.length, cursor: page.cursor, element: table({caption: "Matched bills", rows: page.items, empty: "No bills yet. Drop one, and its rows are matched with your newest price list.", columns: [
    {title: "File", header: true, class: "cell", cell: (job) => h("a", {href: `#/prices/${job.jobId}`}, job.metadata.fileName)},
    {title: "Status", tight: true, cell: (job) => [statusBadge(job), option(job, "rematch") ? [" ", badge("match again")] : null]},
    {title: "Client", class: "cell", cell: (job) => [option(job, "clientName"), option(job, "projectName")].filter(Boolean).join(", ")},
    {title: "Method", tight: true, cell: (job) => option(job, "method")},
    {title: "Progress", class: "cell", cell: (job) => (live.isLive(job) ? progressOf(job) : h("span.quiet", {}, job.userMessage))},
    {title: "Rows", number: true, cell: (job) => count(job.rows.total)},
    {title: "Dropped", tight: true, cell: (job) => time(job.createdAt)}]})};
}

async function lists(from, signal) {
  const page = await get("price-lists", {limit: 50, cursor: from}, {signal});
  const rows = page.priceLists.flatMap((list) => list.versions.map((version, place) => ({...version, newest: place === 0 && !from})));
  return {shown: rows.length, cursor: page.cursor, element: table({caption: "Price lists", rows, empty: "No price lists yet. Drop a spreadsheet of your rates.", columns: [
    {title: "List", header: true, class: "cell", cell: (each) => each.name},
    {title: "Version", tight: true, cell: (each) => [each.number, each.newest ? [" ", badge("newest", "good")] : null]},
    {title: "File", class: "cell", cell: (each) => h("a", {href: `#/jobs/${each.jobId}`}, each.fileName)},
    {title: "Items", number: true, cell: (each) => count(each.items)},
    {title: "Rejected", number: true, cell: (each) => count(each.rejected)},
    {title: "Import", tight: true, cell: (each) => each.status && badge(each.status)},
    {title: "Since", tight: true, cell: (each) => time(each.createdAt)}]})};
}
