// Leads as a file, as they are filtered and sorted now.

import {confirm} from "./dialogs.js";
import {h, toast} from "./dom.js";
import {FIELDS} from "./lead_fields.js";
import {download} from "./widgets.js";

const FORMATS = {csv: "CSV", xlsx: "Excel workbook (.xlsx)", jsonl: "JSON lines"};

export async function exportLeads({filters, sort, order}) {
  const on = Object.entries(filters).map(([field, text]) => `${FIELDS[field]} contains “${text}”`);
  const bom = h("input", {type: "checkbox", name: "bom"});
  const mark = h("label.check", {}, bom, "Mark as UTF-8 (BOM), for old versions of Excel");
  const format = h("select", {name: "format", onchange: () => { mark.hidden = format.value !== "csv"; }},
    Object.entries(FORMATS).map(([name, title]) => h("option", {value: name}, title)));
  const chosen = await confirm("Export leads", {verb: "Export", text: on.length ? `Those whose ${on.join(" and ")}.` : "All leads.",
    fields: [h("label", {}, "Format", format), mark], action: () => true});
  if (!chosen) return;
  const body = {format: format.value, filters, sortBy: sort, sortOrder: order, bom: format.value === "csv" && bom.checked};
  try {
    await download({method: "POST", path: "export", body});
  } catch (error) {
    toast(error.message, {kind: "bad"});
  }
}
