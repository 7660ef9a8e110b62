// The reconciliation report of a job: sheet by sheet and batch by batch, with the proof that it adds up.

import {get, isAbort} from "./api.js";
import {fill, h} from "./dom.js";
import {count, moment, plural} from "./format.js";
import {badge, download, actionButton, problem, table, time} from "./widgets.js";

const PARTS = {rowsEqualOutcomes: "rows are the sum of their outcomes", sheetsEqualJob: "sheets add up to the job",
  sheetsAreComplete: "every sheet's physical rows are accounted for", batchesEqualJob: "batches add up to the job"};
const OUTCOMES = ["new", "updated", "unchanged", "superseded", "rejected", "cancelled", "failed", "pending"];

/** Draw the account, and anew whenever the job has moved; the old one stays until the new one is there. */
async function keepFresh(panel, {jobId, signal, moved}, draw) {
  let busy = false;
  const refresh = async () => {
    if (busy) return;
    busy = true;
    try {
      draw(await get(`status/${jobId}/report`, {}, {signal}));
    } catch (error) {
      if (!isAbort(error)) fill(panel, problem(error));
    }
    busy = false;
  };
  moved.addEventListener("job", () => panel.isConnected && refresh(), {signal});
  fill(panel, h("p.quiet", {}, "Loading …"));
  await refresh();
}

export function drawSheets(panel, context) {
  const own = h("div");
  panel.append(own);
  return keepFresh(own, context, (report) => fill(own, report.statusUrl ? large(context) : [proof(report), sheets(report), mapping(report), failed(report), kept(report), files(context)]));
}

export function drawBatches(panel, context) {
  const own = h("div");
  panel.append(own);
  return keepFresh(own, context, (report) => fill(own, report.statusUrl ? large(context) : [
    report.unsettledBatches ? h("p.quiet", {}, `${plural(report.unsettledBatches, "batch", "batches")} not settled yet.`) : null,
    table({caption: "Batches", rows: report.batches, empty: "No batch is settled yet.", columns: [
      {title: "Batch", number: true, cell: (batch) => count(batch.batchNumber)},
      {title: "State", tight: true, cell: (batch) => badge(batch.state)},
      {title: "Run", number: true, cell: (batch) => count(batch.run)},
      {title: "Attempts", number: true, cell: (batch) => count(batch.attempts)},
      {title: "Rows", number: true, cell: (batch) => count(batch.rows)},
      {title: "Outcomes", cell: (batch) => Object.entries(batch.outcomes).filter(([, rows]) => rows).map(([name, rows]) => `${count(rows)} ${name}`).join(", ")},
      {title: "Cause", class: "cell", cell: (batch) => batch.cause},
      {title: "Settled", tight: true, cell: (batch) => time(batch.settledAt)}]}),
    report.nextBatch ? h("p.quiet", {}, `Shown up to batch ${report.nextBatch - 1}; the workbook has all.`) : null, files(context)]));
}

export function drawDuplicates(panel, context) {
  const own = h("div");
  panel.append(own);
  return keepFresh(own, context, (report) => fill(own, report.statusUrl ? large(context) : table({
    caption: "Rows that met an earlier lead", rows: report.duplicates, empty: "No row met an earlier lead.", columns: [
      {title: "Lead", tight: true, cell: (row) => h("a.mono", {href: `#/leads/${row.leadId}`}, row.leadId.slice(0, 8))},
      {title: "Sheet", class: "cell", cell: (row) => row.worksheet},
      {title: "Row", number: true, cell: (row) => count(row.row)},
      {title: "What differs", cell: (row) => Object.keys(row.new).map((field) => h("div", {}, h("span.quiet", {}, `${field}: `),
        h("del", {}, row.old[field] ?? "nothing"), " → ", h("ins", {}, row.new[field] ?? "nothing")))}]})));
}

function proof(report) {
  const {balance} = report;
  const wrong = Object.keys(PARTS).filter((part) => balance[part] === false);
  const proven = Object.keys(PARTS).filter((part) => balance[part] === true);
  return h(`p.note${balance.balanced ? "" : ".warn"}`, {}, h("strong", {}, balance.balanced ? "Balanced: " : "Not balanced: "),
    (balance.balanced ? proven : wrong).map((part) => PARTS[part]).join(", "), `. As of ${moment(report.asOf)}.`,
    report.sha256 ? [h("br"), h("span.mono", {}, `SHA-256 ${report.sha256}`)] : null);
}

function sheets(report) {
  return [h("h2", {}, "Sheets"), table({caption: "Sheets", rows: report.sheets, empty: "No sheet was read yet.", columns: [
    {title: "Sheet", header: true, class: "cell", cell: (sheet) => [sheet.worksheet || "–", sheet.note ? h("div.quiet", {}, sheet.note) : null]},
    {title: "Header in row", number: true, cell: (sheet) => count(sheet.headerRow)},
    {title: "Physical", number: true, cell: (sheet) => count(sheet.physical)},
    {title: "Header", number: true, cell: (sheet) => count(sheet.header)},
    {title: "Blank", number: true, cell: (sheet) => count(sheet.blank)},
    {title: "Skipped", cell: (sheet) => Object.entries(sheet.skipped).map(([why, rows]) => `${count(rows)} ${why}`).join(", ") || "0"},
    {title: "Rows", number: true, cell: (sheet) => count(sheet.rows)},
    {title: "Outcomes", class: "cell", cell: (sheet) => OUTCOMES.filter((name) => sheet.outcomes[name]).map((name) => `${count(sheet.outcomes[name])} ${name}`).join(", ") || "–"},
    {title: "Done", class: "cell", cell: (sheet) => done(sheet)},
    {title: "Balanced", tight: true, cell: (sheet) => badge(sheet.balanced ? "yes" : "not yet", sheet.balanced ? "good" : "warn")}]})];
}

function done(sheet) {
  const {total, pending} = sheet.outcomes;
  return h("progress", {max: Math.max(1, total), value: total - pending, "aria-label": `Progress of sheet ${sheet.worksheet}`});
}

function mapping(report) {
  const shown = report.sheets.filter((sheet) => sheet.mapping.length);
  return shown.map((sheet) => h("details", {}, h("summary", {}, `Columns of ${sheet.worksheet || "the file"}`), table({
    caption: `Columns of ${sheet.worksheet}`, rows: sheet.mapping, columns: [
      {title: "Column", header: true, cell: (column) => column.header || h("span.quiet", {}, "no header")},
      {title: "Field", cell: (column) => column.field},
      {title: "Score", number: true, cell: (column) => column.score.toFixed(2)},
      {title: "Why", cell: (column) => column.reason}]})));
}

function failed(report) {
  if (!report.failedRows.length) return null;
  return [h("h2", {}, "Failed rows"), h("ul", {}, report.failedRows.map((range) =>
    h("li", {}, `${range.worksheet}: ${range.first === range.last ? `row ${range.first}` : `rows ${range.first} to ${range.last}`}`)))];
}

function kept(report) {
  if (!report.keptByUndo.length) return null;
  return [h("h2", {}, "Kept by the undo"), table({caption: "Kept by the undo", rows: report.keptByUndo, columns: [
    {title: "Record", header: true, cell: (each) => h("span.mono", {}, each.leadId)},
    {title: "Why", cell: (each) => each.reason.replaceAll("_", " ")},
    {title: "By job", cell: (each) => each.byJobId && h("a", {href: `#/jobs/${each.byJobId}`}, each.byJobId.slice(0, 8))}]})];
}

function large(context) {
  return [h("p.empty", {}, "This job has too many batches to show here."), files(context)];
}

function files({jobId, signal}) {
  return h("div.pager", {}, h("span.quiet"), actionButton("Report as workbook", () =>
    download({method: "GET", path: `status/${jobId}/report`, query: {format: "xlsx"}}, {signal}), {kind: "small"}));
}
