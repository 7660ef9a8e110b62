// One bill: its rows with what they were matched to, why, and what a person made of them.

import {filledPage, get, post} from "./api.js";
import {confirm} from "./dialogs.js";
import {announce, fill, h, toast} from "./dom.js";
import {count, percent} from "./format.js";
import * as live from "./live.js";
import {fixRow} from "./price_fix.js";
import {actionButton, badge, download, Pager, progressOf, statusBadge, table, time} from "./widgets.js";

const TIERS = ["accepted", "review", "unmatched", "manual"];
const exact = new Intl.NumberFormat("en", {maximumFractionDigits: 10});
const money = new Intl.NumberFormat("en", {minimumFractionDigits: 2, maximumFractionDigits: 2});

export async function show({root, id, query, signal}) {
  const base = `api/price-matching/${id}`;
  let job = await get(`status/${id}`, {}, {signal});
  let tier = query.get("tier") || "";
  let shown = {rows: [], cursor: null};
  let rematch = "";
  const top = h("div.stack");
  const tallies = h("div.row", {role: "group", "aria-label": "Filter by tier"});
  const list = h("div");
  const pager = new Pager(load);
  fill(root, h("div.head", {}, h("h1", {}, job.metadata.fileName), actionButton("Match unmatched again", again),
    actionButton("Export workbook", () => download({method: "GET", path: `${base}/export`}, {signal}), {kind: "primary"})),
  h("p.quiet", {}, h("a", {href: "#/prices"}, "Prices"), " / ", h("a", {href: `#/jobs/${id}`}, "job"), " · ", time(job.createdAt)), top, tallies, list, pager.element);
  live.events.addEventListener("job", (event) => hear(event.detail), {signal});
  live.follow(job);
  await Promise.all([load(""), drawTop()]);

  async function load(from) {
    const page = await filledPage(`${base}/results`, "results", {query: {limit: 100, tier, cursor: from}, signal});
    shown = {rows: page.items, cursor: page.cursor};
    draw();
  }

  async function hear(changed) {
    if (changed.jobId !== id && changed.jobId !== rematch) return;
    if (changed.jobId === id) job = changed;
    await Promise.all([load(pager.trail.at(-1)), drawTop()]);
  }

  async function drawTop() {
    const told = await get(`${base}/status`, {}, {signal});
    const said = [told.clientName, told.projectName, told.method, told.listId && h("a", {href: `#/jobs/${told.listId}`}, "price list"),
      told.rematchOf && h("a", {href: `#/prices/${told.rematchOf}`}, "matches this bill again")].filter(Boolean);
    fill(top, h("div.row", {}, statusBadge(job), h("span.quiet", {}, said.flatMap((each, place) => (place ? [" · ", each] : [each])))),
      live.isLive(job) ? progressOf(job) : h("p", {}, told.progressMessage),
      told.differences?.length ? h("p.note.warn", {}, `Worked on in both ways: they differ in ${count(told.differences.length)} fields, first in row ${told.differences[0].rowNumber}.`) : null);
    drawTallies(told);
  }

  function drawTallies({tallies: by, itemCount}) {
    const focused = [...tallies.children].indexOf(document.activeElement);
    fill(tallies, ["", ...TIERS].map((each) => h("button.small", {type: "button", "aria-pressed": String(tier === each), onclick: (event) => {
      tier = each;
      for (const button of tallies.children) button.setAttribute("aria-pressed", String(button === event.currentTarget));
      pager.reset();
      load("");
    }}, `${each || "all"} ${count(each ? by[each] ?? 0 : itemCount)}`)));
    tallies.children[focused]?.focus();
  }

  function draw() {
    const {rows, cursor} = shown;
    const sum = rows.reduce((total, row) => total + (row.totalPrice ?? 0), 0);
    const focused = document.activeElement?.closest?.("[data-row]")?.dataset.row;
    fill(list, table({caption: "Result rows", rows, columns: columns(fix), empty: tier ? "No row is in this tier." : live.isLive(job) ? "The rows appear when they are matched." : "There are no result rows."}),
      rows.length ? h("p.number", {}, h("span.quiet", {}, "Total of this page "), h("b", {}, money.format(sum))) : null);
    pager.draw(rows.length, cursor);
    if (focused) list.querySelector(`[data-row="${CSS.escape(focused)}"]`)?.focus();
  }

  async function fix(row) {
    const changed = await fixRow(row, {reread, signal});
    if (!changed) return;
    put(changed);
    announce(`Row ${changed.rowNumber} is ${changed.tier}.`);
    await drawTop();
  }

  /** The row as it is now; there is no route for one alone. */
  async function reread({resultId}) {
    const page = await get(`${base}/results`, {limit: 100, tier, cursor: pager.trail.at(-1)}, {signal});
    const found = page.results.find((each) => each.resultId === resultId) ?? (await everyRow()).find((each) => each.resultId === resultId);
    if (found) put(found);
    return found;
  }

  async function everyRow() {
    const {everyPage} = await import("./api.js");
    return everyPage(`${base}/results`, "results", {query: {limit: 500}, most: 50000, signal});
  }

  function put(row) {
    shown.rows = shown.rows.map((each) => (each.resultId === row.resultId ? row : each));
    draw();
    list.querySelector(`[data-row="${CSS.escape(row.resultId)}"]`)?.focus();
  }

  async function again() {
    const [known, told] = await Promise.all([get("price-lists", {limit: 200}, {signal}), get("api/price-matching/matching-methods", {}, {signal})]);
    const versions = known.priceLists.flatMap((each) => each.versions).filter((each) => each.status === "completed");
    const which = h("select", {}, h("option", {value: ""}, "that of the job"), versions.map((each) => h("option", {value: each.listId}, `${each.name}, version ${each.number} (${count(each.items)} items)`)));
    const how = h("select", {}, h("option", {value: ""}, "that of the job"), told.methods.map((each) =>
      h("option", {value: each.method, disabled: !each.available}, `${each.method}: ${each.available ? each.description : "not set up here"}`)));
    const answer = await confirm("Match the unmatched rows again", {text: "Rows that have an item or a rate stay as they are.", verb: "Match again",
      fields: [h("label", {}, "Price list", which), h("label", {}, "Method", how)],
      action: () => post(`${base}/rematch`, {...(which.value && {listId: which.value}), ...(how.value && {method: how.value})})});
    if (!answer) return;
    toast(answer.message, {link: answer.jobId && {href: `#/jobs/${answer.jobId}`, text: "Open"}});
    if (!answer.jobId) return;
    rematch = answer.jobId;
    live.follow(await get(`status/${answer.jobId}`, {}, {signal}));
  }
}

function columns(fix) {
  const number = (value) => (value === null ? null : exact.format(value));
  return [
    {title: "Row", number: true, cell: (row) => h("span", {title: row._worksheet}, count(row.rowNumber))},
    {title: "In the bill", header: true, class: "cell", cell: (row) => h("button.link", {type: "button", "aria-haspopup": "dialog", "data-row": row.resultId, onclick: () => fix(row)}, row.originalDescription || row.originalCode || `row ${row.rowNumber}`)},
    {title: "Quantity", number: true, tight: true, cell: (row) => [number(row.originalQuantity) ?? "–", " ", row.originalUnit]},
    {title: "Matched", class: "cell", cell: (row) => row.matchedDescription && [row.matchedDescription, row.matchedCode ? h("div.mono.quiet", {}, row.matchedCode) : null]},
    {title: "Rate", number: true, tight: true, cell: (row) => row.matchedRate !== null && [number(row.matchedRate), row.matchedUnit ? ` / ${row.matchedUnit}` : "",
      row.unitMismatch ? h("div", {}, badge("units differ", "warn")) : null]},
    {title: "Total", number: true, cell: (row) => number(row.totalPrice)},
    {title: "Tier", tight: true, cell: (row) => [badge(row.tier), row.isLearnedMatch ? [" ", badge("learned")] : null]},
    {title: "Confidence", number: true, cell: (row) => percent(row.confidence)},
    {title: "Notes", class: "cell", cell: (row) => row.notes}];
}
