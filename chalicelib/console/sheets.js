// What a dry run told: sheets with their first rows, which column is which field, first rejects, and what a job would use.

import {h} from "./dom.js";
import {count, duration, percent, plural, usd} from "./format.js";
import {badge, table} from "./widgets.js";

const MOST_COLUMNS = 60;
const AUTOMATIC = "\0";

/** Facts of a job that was not run. */
export function estimate({estimate: told, rows, estimatedRejects, batchSize, provider, complete}) {
  if (!told) return null;
  const facts = [[`${count(rows)}${complete ? "" : "+"}`, "rows"], [count(estimatedRejects), "rejects, about"], [count(told.batches), `batches of ${batchSize}`],
    [count(told.aiCalls), "AI calls"], told.aiCalls && [count(told.promptTokens + told.completionTokens), "AI tokens"],
    told.keepaTokens && [count(told.keepaTokens), "Keepa tokens to enrich"], [told.minutes ? duration(told.minutes * 60) : "under 1 s", provider ? `by ${provider}` : "of work"], [usd(told.usd), "with AWS"]];
  return h("ul.tallies", {"aria-label": "What it would take"}, facts.filter(Boolean).map(([figure, words]) => h("li", {}, h("b", {}, figure), h("span", {}, words))));
}

/** One sheet; `change(mapping)` hears of a column that was mapped by hand, `mapping` is what was until now. */
export function sheetOf(sheet, fields, mapping, change) {
  const skipped = Object.entries(sheet.skipped).map(([why, rows]) => `${count(rows)} skipped as ${why.replaceAll("_", " ")}`);
  const facts = [plural(sheet.rows, "row"), sheet.headerRow ? `header in row ${sheet.headerRow}` : "no header", sheet.blank && `${count(sheet.blank)} blank`, ...skipped, sheet.note];
  return h("section", {}, h("h3", {}, sheet.worksheet), h("p.quiet", {}, facts.filter(Boolean).join(" · ")),
    sheet.columns.length > 0 && columnsOf(sheet, fields, mapping, change));
}

function columnsOf(sheet, fields, mapping, change) {
  const shown = sheet.columns.filter((column, place) => column.field || place < MOST_COLUMNS);
  const rows = sheet.firstRows.map(({row, cells}) => ({title: `Row ${row}`, class: "cell", cell: ({header}) => cells[header]}));
  return [table({caption: `Columns of ${sheet.worksheet}, and its first rows`, rows: shown, columns: [
    {title: "Column", header: true, cell: (column) => column.header},
    {title: "Field", cell: (column) => fieldSelect(column, sheet, fields, mapping, change)},
    {title: "Score", number: true, tight: true, cell: (column) => (column.header in mapping ? badge("by hand", "live") : column.score ? percent(column.score) : null)},
    {title: "Why", class: "cell", cell: why}, ...rows]}),
  shown.length < sheet.columns.length && h("p.quiet", {}, `and ${plural(sheet.columns.length - shown.length, "column")} that no field fits`)];
}

function fieldSelect({header, field}, {worksheet, index}, fields, mapping, change) {
  const option = (value, text) => h("option", {value, selected: value === (field ?? "")}, text);
  return h("select.short", {"aria-label": `Field of ${header} in ${worksheet}`, dataset: {key: `${index} ${header}`}, onchange: ({target}) => {
    const {[header]: _, ...others} = mapping;
    change(target.value === AUTOMATIC ? others : {...others, [header]: target.value});
  }}, option("", "– none –"), fields.map((each) => option(each, each)), header in mapping && option(AUTOMATIC, "as it was found"));
}

function why({reason, candidates}) {
  const [best] = Object.entries(candidates);
  return h("span.quiet", {}, [reason, best && `perhaps ${best[0]}, ${percent(best[1])}`].filter(Boolean).join("; "));
}

export function rejects({rejects: told, checkedRejects, checkedRows}) {
  return told.length > 0 && h("section", {}, h("h3", {}, `${count(checkedRejects)} of the first ${plural(checkedRows, "row")} would be rejected`),
    table({caption: "First rejects", rows: told, columns: [
      {title: "Row", tight: true, header: true, cell: ({worksheet, row}) => `${worksheet} ${row}`},
      {title: "Why", class: "cell", cell: ({message}) => message},
      {title: "Cells", class: "cell", cell: ({cells}) => Object.values(cells).join(" · ").slice(0, 200)}]}));
}
