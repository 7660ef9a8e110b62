// Bills that were matched, and the price lists that they were matched with.

import {filledPage, get} from "./api.js";
import {fill, h} from "./dom.js";
import {count} from "./format.js";
import * as live from "./live.js";
import {badge, col, Pager, problem, progressOf, statusBadge, table, tabs, time} from "./widgets.js";

export async function show({root, rest, query, signal}) {
  if (rest) return (await import("./price_job.js")).show({root, id: rest, query, signal});
  fill(root, h("div.head", {}, h("h1", {}, "Prices"), h("a.button.primary", {href: "#/drop"}, "Drop a bill or a price list")),
    tabs("Prices", [{id: "bills", title: "Matched bills", draw: (panel) => paged(panel, bills, signal)},
      {id: "lists", title: "Price lists", draw: (panel) => paged(panel, lists, signal)}], query.get("tab") || "bills"));
}

/** Fill `panel` with pages of a listing; `load(cursor, signal)` answers {caption, rows, cursor, columns, empty}. */
async function paged(panel, load, signal) {
  const list = h("div", {}, h("p.quiet", {}, "Loading."));
  const pager = new Pager(async (from) => {
    const page = await load(from, signal);
    fill(list, table(page));
    pager.draw(page.rows.length, page.cursor);
  });
  fill(panel, list, pager.element);
  await pager.show("").catch((error) => signal.aborted || fill(list, problem(error)));
}

async function bills(from, signal) {
  const page = await filledPage("status", "jobs", {query: {pipeline: "prices", limit: 50, cursor: from}, keep: (job) => !job.metadata.options.priceList, signal});
  const option = (name) => (job) => job.metadata.options[name];
  return {caption: "Matched bills", rows: page.items, cursor: page.cursor, empty: "No bills yet. Drop one: its rows are matched with your newest price list.", columns: [
    col("File", (job) => h("a", {href: `#/prices/${job.jobId}`}, job.metadata.fileName), "header cell"),
    col("Status", (job) => [statusBadge(job), option("rematch")(job) ? [" ", badge("matched again")] : null], "tight"),
    col("Client", option("clientName"), "cell"), col("Project", option("projectName"), "cell"), col("Method", option("method"), "tight"),
    col("Progress", (job) => (live.isLive(job) ? progressOf(job) : h("span.quiet", {}, job.userMessage)), "cell"),
    col("Dropped", (job) => time(job.createdAt), "tight")]};
}

async function lists(from, signal) {
  const page = await get("price-lists", {cursor: from}, {signal});
  return {caption: "Price lists", rows: page.priceLists.flatMap((list) => list.versions), cursor: page.cursor, empty: "No price lists yet. Drop a spreadsheet of your rates.", columns: [
    col("List", "name", "header cell"), col("Version", "number", "number"), col("File", (each) => h("a", {href: `#/jobs/${each.jobId}`}, each.fileName), "cell"),
    col("Items", (each) => count(each.items), "number"), col("Rejected", (each) => count(each.rejected), "number"),
    col("Import", (each) => each.status && badge(each.status), "tight"), col("Since", (each) => time(each.createdAt), "tight")]};
}
