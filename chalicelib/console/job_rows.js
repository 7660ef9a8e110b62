// Rows of a job that a person has to look at: rejects with their reasons, suspects, and what happened when.

import {get} from "./api.js";
import {csvRows} from "./csv.js";
import {fill, h} from "./dom.js";
import {count, percent, plural} from "./format.js";
import {actionButton, badge, download, problem, table, time} from "./widgets.js";

const SHOWN_REJECTS = 100;

export async function drawRejects(panel, {jobId, signal, job}) {
  const {rejected} = job().rows;
  if (!rejected) return fill(panel, h("p.empty", {}, "No row was rejected."));
  const list = h("div", {}, h("p.quiet", {}, "Loading …"));
  fill(panel, h("div.head", {}, h("p", {}, "Correct them and drop the file again: it is counted with this job. Send it as a workbook, Excel eats the leading zeros of a CSV."),
    ...["csv", "xlsx"].map((format) => actionButton(`Download ${format.toUpperCase()}`, () =>
      download({method: "GET", path: `status/${jobId}/rejects`, query: {format}, fileName: `rejects-${jobId}.${format}`}, {signal})))), list);
  try {
    const answer = await get(`status/${jobId}/rejects`, {format: "csv"}, {signal});
    fill(list, typeof answer === "string" ? rejectTable(answer, rejected)
      : h("p.empty", {}, `${plural(rejected, "row")} are too many to show here; download them.`));
  } catch (error) {
    fill(list, problem(error));
  }
  return panel;
}

function rejectTable(text, rejected) {
  const [head, ...rows] = csvRows(text, SHOWN_REJECTS + 1);
  const ours = new Map(head.map((name, place) => [name, place]));
  const cell = (row, name) => row[ours.get(name)];
  const originals = head.filter((name) => !name.startsWith("_"));
  return [rejected > rows.length ? h("p.quiet", {}, `The first ${rows.length} of ${count(rejected)}.`) : null, table({
    caption: "Rejected rows", rows, columns: [
      {title: "Sheet", class: "cell", cell: (row) => cell(row, "_worksheet")},
      {title: "Row", number: true, header: true, cell: (row) => cell(row, "_row")},
      {title: "Why", class: "cell", cell: (row) => [badge(cell(row, "_error_code"), "bad"), h("div", {}, cell(row, "_error_message")),
        cell(row, "_error_field") ? h("div.quiet", {}, `field ${cell(row, "_error_field")}`) : null]},
      ...originals.map((name) => ({title: name, class: "cell", cell: (row) => cell(row, name)}))]})];
}

export async function drawSuspects(panel, {jobId, signal}) {
  fill(panel, h("p.quiet", {}, "Comparing …"));
  try {
    const answer = await get(`status/${jobId}/suspects`, {}, {signal});
    fill(panel, h("p.quiet", {}, `Leads that may be one person though their e-mails differ. ${plural(answer.compared, "lead")} compared; none is merged.`),
      table({caption: "Suspects", rows: answer.pairs, empty: "No two leads look like one person.", columns: [
        {title: "Likeness", number: true, cell: (pair) => percent(pair.score)},
        {title: "One", class: "cell", cell: (pair) => person(pair.first)},
        {title: "Other", class: "cell", cell: (pair) => person(pair.second)},
        {title: "Why", class: "cell", cell: (pair) => pair.reasons.join(", ")}]}),
      answer.truncated ? h("p.quiet", {}, "There are more than are shown.") : null);
  } catch (error) {
    fill(panel, problem(error));
  }
}

function person(lead) {
  const {name, email, phone, company} = lead.content;
  return [h("a", {href: `#/leads/${lead.leadId}`}, name || email || lead.leadId.slice(0, 8)),
    h("div.quiet", {}, [email, phone, company].filter(Boolean).join(" · ")),
    h("div.quiet", {}, `${lead.sourceFile ?? ""} ${lead.worksheet ?? ""} row ${lead.row ?? "–"}`)];
}

export async function drawEvents(panel, {jobId, signal}, cursor = "", before = []) {
  try {
    const page = await get(`status/${jobId}/events`, {limit: 100, cursor}, {signal});
    const events = [...before, ...page.events];
    fill(panel, table({caption: "Events", rows: events, empty: "Nothing has happened yet.", columns: [
      {title: "When", tight: true, cell: (event) => time(event.at)},
      {title: "What", tight: true, header: true, cell: (event) => event.kind.replaceAll("_", " ")},
      {title: "Details", cell: (event) => Object.entries(event.detail).map(([name, value]) => `${name}: ${typeof value === "object" ? JSON.stringify(value) : value}`).join(", ")}]}),
    page.cursor ? h("div.pager", {}, h("span.quiet"), actionButton("Show more", () => drawEvents(panel, {jobId, signal}, page.cursor, events))) : null);
  } catch (error) {
    fill(panel, problem(error));
  }
}
