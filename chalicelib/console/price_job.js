// One bill: its rows with what they were matched to, and what a person made of them.

import {everyPage, filledPage, get} from "./api.js";
import {announce, fill, h, toast} from "./dom.js";
import {count, percent} from "./format.js";
import * as live from "./live.js";
import {fixRow} from "./price_fix.js";
import {askToRematch} from "./price_rematch.js";
import {actionButton, badge, col, download, Pager, progressOf, statusBadge, table, time} from "./widgets.js";

const TIERS = ["", "accepted", "review", "unmatched", "manual"];
const quantity = new Intl.NumberFormat("en", {maximumFractionDigits: 10});
const money = new Intl.NumberFormat("en", {minimumFractionDigits: 2, maximumFractionDigits: 10});
const sum = new Intl.NumberFormat("en", {minimumFractionDigits: 2, maximumFractionDigits: 2});

export async function show({root, id, query, signal}) {
  const base = `api/price-matching/${id}`;
  let job = await get(`status/${id}`, {}, {signal});
  if (job.metadata.options.priceList) return location.replace("#/prices?tab=lists");
  let tier = query.get("tier") || "";
  let rows = [];
  let rematch = "";
  const top = h("div.stack");
  const filter = h("div.row", {role: "group", "aria-label": "Tier"}, TIERS.map((each) => h("button.small", {type: "button", dataset: {tier: each}, onclick: () => narrow(each)})));
  const list = h("div");
  const pager = new Pager(load);
  fill(root, h("div.head", {}, h("h1", {}, job.metadata.fileName), actionButton("Match unmatched again", again),
    actionButton("Export workbook", () => download({method: "GET", path: `${base}/export`}, {signal}), {kind: "primary"})),
  h("p.quiet", {}, h("a", {href: "#/prices"}, "Prices"), " / ", h("a", {href: `#/jobs/${id}`}, "Job"), " · ", time(job.createdAt)), h("div.stack", {}, top, filter, list), pager.element);
  live.events.addEventListener("job", (event) => hear(event.detail), {signal});
  live.follow(job);
  await refresh();

  async function load(from) {
    const page = await filledPage(`${base}/results`, "results", {query: {tier, cursor: from}, signal});
    rows = page.items;
    draw();
    pager.draw(rows.length, page.cursor);
  }

  function refresh() {
    return Promise.all([load(pager.trail.at(-1)), drawTop()]);
  }

  function hear(changed) {
    if (changed.jobId === id) job = changed;
    if ([id, rematch].includes(changed.jobId)) refresh();
  }

  function narrow(to) {
    tier = to;
    pager.reset();
    return refresh();
  }

  async function drawTop() {
    const {clientName, projectName, method, listId, rematchOf, tallies, itemCount, progressMessage, differences} = await get(`${base}/status`, {}, {signal});
    const said = [clientName, projectName, method, listId && h("a", {href: `#/jobs/${listId}`}, "price list"), rematchOf && h("a", {href: `#/prices/${rematchOf}`}, "the bill matched first")];
    fill(top, h("div.row", {}, statusBadge(job), said.filter(Boolean).map((each) => h("span.quiet", {}, "· ", each)), live.isLive(job) ? h("div.grow", {}, progressOf(job)) : h("span", {}, progressMessage)),
      differences?.length ? h("p.note.warn", {}, `Worked on in both ways, which differ in ${count(differences.length)} fields, first in row ${differences[0].rowNumber}.`) : null);
    for (const button of filter.children) {
      const each = button.dataset.tier;
      button.setAttribute("aria-pressed", String(each === tier));
      button.textContent = `${each || "all"} ${count(each ? tallies[each] ?? 0 : itemCount)}`;
    }
  }

  function draw() {
    const focused = document.activeElement?.dataset.row;
    const number = (format, value) => (value === null ? null : format.format(value));
    fill(list, table({caption: "Rows of the bill", rows, empty: tier ? "No row is in this tier." : "There are no rows yet.", columns: [
      col("Row", (row) => h("span", {title: row._worksheet}, count(row.rowNumber)), "number"),
      col("In the bill", (row) => h("button.link", {type: "button", "aria-haspopup": "dialog", dataset: {row: row.resultId}, onclick: () => fix(row)}, row.originalDescription || row.originalCode || `row ${row.rowNumber}`), "header cell"),
      col("Quantity", (row) => [number(quantity, row.originalQuantity), " ", row.originalUnit], "number tight"),
      col("Matched", (row) => row.matchedDescription && [row.matchedDescription, row.matchedCode ? h("div.mono.quiet", {}, row.matchedCode) : null], "cell"),
      col("Rate", (row) => number(money, row.matchedRate) && [number(money, row.matchedRate), row.matchedUnit && ` / ${row.matchedUnit}`, row.unitMismatch ? h("div", {}, badge("units differ", "warn")) : null], "number tight"),
      col("Total", (row) => number(money, row.totalPrice), "number tight"),
      col("Tier", (row) => [badge(row.tier), row.isLearnedMatch ? badge("learned") : null], "tight"),
      col("Confidence", (row) => percent(row.confidence), "number"), col("Notes", "notes", "cell")]}),
    h("p.number", {}, h("span.quiet", {}, "Total of this page "), h("b", {}, sum.format(rows.reduce((total, row) => total + row.totalPrice, 0)))));
    focus(focused);
  }

  function focus(resultId) {
    if (resultId) list.querySelector(`[data-row="${CSS.escape(resultId)}"]`)?.focus();
  }

  async function fix(row) {
    const changed = await fixRow(row, {reread, signal});
    if (!changed) return;
    put(changed);
    announce(`Row ${changed.rowNumber} is ${changed.tier}.`);
    await drawTop();
  }

  function put(row) {
    rows = rows.map((each) => (each.resultId === row.resultId ? row : each));
    draw();
    focus(row.resultId);
  }

  /** The row as it is now: on this page, unless its tier has changed, too. */
  async function reread({resultId}) {
    const same = (each) => each.resultId === resultId;
    const page = await get(`${base}/results`, {tier, cursor: pager.trail.at(-1)}, {signal});
    return page.results.find(same) ?? (await everyPage(`${base}/results`, "results", {query: {limit: 500}, most: 1e6, signal})).find(same);
  }

  async function again() {
    const answer = await askToRematch(base, signal);
    if (!answer) return;
    toast(answer.message, {link: answer.jobId && {href: `#/jobs/${answer.jobId}`, text: "Open"}});
    rematch = answer.jobId;
    if (rematch) live.follow(await get(`status/${rematch}`, {}, {signal}));
  }
}
