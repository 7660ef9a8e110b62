// A row set by hand: one of the candidates, own values, no item, or only a note.

import {patch} from "./api.js";
import {open} from "./dialogs.js";
import {announce, fill, h, uniqueId} from "./dom.js";
import {percent} from "./format.js";
import {facts} from "./products_sources.js";
import {badge, problem} from "./widgets.js";

const OWN = [["Rate", "rate", "matchedRate"], ["Unit", "unit", "matchedUnit"], ["Code", "code", "matchedCode"], ["Description", "description", "matchedDescription"]];
const RATE = /^-?\d+(\.\d+)?$/;
const CHANGED = "Somebody has changed this row since you opened it. This is how it is now; what you typed is still there. Look again, then save.";

/** Answers the row as it is after saving, or null. `reread(row)` answers it as it is now. */
export async function fixRow(row, {reread, signal}) {
  let result = null;
  const name = uniqueId("fix");
  const said = h("div", {role: "alert"});
  const now = h("div");
  const own = Object.fromEntries(OWN.map(([label, field, matched]) => [field, h("input", {"aria-label": label, value: row[matched] ?? "", maxlength: field === "description" ? 2000 : 200,
    inputmode: field === "rate" ? "decimal" : null, autocomplete: "off", oninput: () => { form.elements[name].value = "own"; }})]));
  const notes = h("textarea", {maxlength: 2000, value: row.notes ?? ""});
  const save = h("button.primary", {type: "submit"}, "Save");
  const form = h("form.stack", {}, now, h("fieldset", {}, h("legend", {}, "What it is"),
    row.candidates.map((each) => candidate(each, row, name)),
    choice(name, "own", "Own values", h("div.fields", {}, OWN.map(([label, field]) => h("div.label", {}, h("span", {"aria-hidden": "true"}, label), own[field])))),
    choice(name, "clear", "Nothing in the list: clear the match"),
    choice(name, "keep", "Leave it as it is", null, true)),
  h("label", {}, "Notes", notes), h("details", {}, h("summary", {}, "Columns of the file"), facts(row.originalRowData)), said,
  h("div.row.end", {}, h("button", {type: "button", onclick: () => dialog.close()}, "Not now"), save));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    save.disabled = true;
    try {
      result = await patch(`api/price-matching/results/${row.resultId}`, wanted());
      dialog.close();
    } catch (error) {
      await refused(error);
    }
    save.disabled = false;
  });
  drawNow();
  const dialog = open(row.originalDescription || `Row ${row.rowNumber}`, form, {wide: true});
  signal.addEventListener("abort", () => dialog.close(), {once: true});
  await dialog.closed;
  return result;

  /** The body of the request. Throws where there is nothing to save. */
  function wanted() {
    const chosen = form.elements[name].value;
    const body = {version: row.version};
    if (notes.value !== (row.notes ?? "")) body.notes = notes.value;
    if (chosen === "own") Object.assign(body, ownValues());
    else if (chosen === "clear") body.clear = true;
    else if (chosen !== "keep") body.itemId = chosen.slice(5);
    if (Object.keys(body).length === 1) throw new Error("Nothing is changed yet.");
    return body;
  }

  function ownValues() {
    const changed = OWN.filter(([, field, matched]) => own[field].value.trim() !== String(row[matched] ?? ""));
    const values = Object.fromEntries(changed.map(([, field]) => [field, own[field].value.trim() || null]));
    const bad = Boolean(values.rate) && !RATE.test(values.rate);
    own.rate.setAttribute("aria-invalid", String(bad));
    if (bad) own.rate.focus();
    if (bad) throw new Error("A rate is a number such as 1250.75.");
    return values;
  }

  async function refused(error) {
    const fresh = error.code === "RESULT_CHANGED" ? await reread(row).catch(() => null) : null;
    if (!fresh) return fill(said, problem(error));
    row = fresh;
    drawNow();
    fill(said, h("p.note.warn", {}, CHANGED));
    announce(CHANGED);
  }

  function drawNow() {
    const {originalQuantity, originalUnit, originalCode, contextHeaders, _worksheet, rowNumber} = row;
    fill(now, h("p.quiet", {}, [[_worksheet, `row ${rowNumber}`, ...contextHeaders].filter(Boolean).join(" / "), originalCode, [originalQuantity, originalUnit].filter(Boolean).join(" ")].filter(Boolean).join(" · ")),
      h("p.note", {}, h("b", {}, "Now: "), badge(row.tier), ` ${row.matchedDescription ?? "no item"}${row.matchedRate === null ? "" : `, ${row.matchedRate}`}${row.matchedUnit ? ` / ${row.matchedUnit}` : ""}, confidence ${percent(row.confidence)}`));
  }
}

function candidate(each, row, name) {
  const chosen = each.itemId === row.matchedItemId;
  return choice(name, `item ${each.itemId}`, [each.description, chosen ? [" ", badge("chosen", "good")] : null],
    h("div.quiet", {}, [each.code, each.reasons.join("; "), `score ${each.score.toFixed(2)}`].filter(Boolean).join(" · ")), false,
    `${each.rate ?? "no rate"}${each.unit ? ` / ${each.unit}` : ""}`);
}

/** A radio button with a title, what belongs to it, and something at its end. */
function choice(name, value, title, content = null, checked = false, end = "") {
  const id = uniqueId("choice");
  return h("div.choice", {}, h("input", {type: "radio", name, value, id, checked}), h("div", {}, h("label.choice-name", {for: id}, title), content), h("span.number", {}, end));
}
