// A row set by hand: one of the candidates, own values, no item, or only a note.

import {patch} from "./api.js";
import {open} from "./dialogs.js";
import {fill, h, uniqueId} from "./dom.js";
import {percent} from "./format.js";
import {badge, facts, problem} from "./widgets.js";

const OWN = {rate: "matchedRate", unit: "matchedUnit", code: "matchedCode", description: "matchedDescription"};
const CHANGED = "Somebody has changed this row since you opened it. Above is how it is now, and what you typed is still there. Look again, then save.";

/** Answers the row as it is after saving, or null. `reread(row)` answers it as it is now. */
export async function fixRow(row, {reread, signal}) {
  let result = null;
  const name = uniqueId("fix");
  const said = h("div");
  const now = h("div");
  const own = Object.fromEntries(Object.entries(OWN).map(([field, matched]) => [field, h("input", {value: row[matched] ?? "", inputmode: field === "rate" ? "decimal" : null,
    oninput: () => { form.elements[name].value = "own"; }})]));
  const notes = h("textarea", {maxlength: 2000, value: row.notes ?? ""});
  const save = h("button.primary", {type: "submit"}, "Save");
  const choice = (value, title, content, end) => {
    const input = h("input", {type: "radio", name, value, id: uniqueId("choice"), checked: value === "keep"});
    return h("div.choice", {}, input, h("div", {}, h("label", {for: input.id}, title), content), h("span", {}, end));
  };
  const form = h("form.stack", {onsubmit: submit}, now, h("fieldset", {}, h("legend", {}, "What it is"), row.candidates.map((each) =>
    choice(`item ${each.itemId}`, [each.description, each.itemId === row.matchedItemId ? badge("matched", "good") : null],
      h("div.quiet", {}, [each.code, ...each.reasons, `score ${each.score.toFixed(2)}`].filter(Boolean).join(" · ")), `${each.rate ?? "no rate"} / ${each.unit ?? "–"}`)),
  choice("own", "Own values", h("div.fields", {}, Object.keys(OWN).map((field) => h("label", {}, `Own ${field}`, own[field])))), choice("clear", "Nothing in the list: clear it"), choice("keep", "Leave it, write a note only")),
  h("label", {}, "Notes", notes), h("details", {}, h("summary", {}, "Columns of the file"), facts(Object.entries(row.originalRowData))), said,
  h("div.row.end", {}, h("button", {type: "button", onclick: () => dialog.close()}, "Not now"), save));
  drawNow();
  const dialog = open(row.originalDescription || `Row ${row.rowNumber}`, form, {wide: true});
  signal.addEventListener("abort", () => dialog.close(), {once: true});
  await dialog.closed;
  return result;

  async function submit(event) {
    event.preventDefault();
    save.disabled = true;
    try {
      result = await patch(`api/price-matching/results/${row.resultId}`, wanted());
      dialog.close();
    } catch (error) {
      const fresh = error.code === "RESULT_CHANGED" ? await reread(row).catch(() => null) : null;
      fill(said, fresh ? h("p.note.warn", {role: "alert"}, CHANGED) : problem(error));
      if (fresh) renew(fresh);
    }
    save.disabled = false;
  }

  /** Go on with the row as it is now; what was not typed over follows it. */
  function renew(fresh) {
    for (const [input, field] of [[notes, "notes"], ...Object.entries(OWN).map(([each, matched]) => [own[each], matched])]) {
      if (input.value === String(row[field] ?? "")) input.value = fresh[field] ?? "";
    }
    row = fresh;
    drawNow();
  }

  /** The body of the request. Throws where there is nothing to save. */
  function wanted() {
    const chosen = form.elements[name].value;
    const body = {};
    if (notes.value !== (row.notes ?? "")) body.notes = notes.value;
    if (chosen === "own") Object.assign(body, ownValues());
    else if (chosen === "clear") body.clear = true;
    else if (chosen !== "keep") body.itemId = chosen.slice(5);
    if (!Object.keys(body).length) throw new Error("Nothing is changed yet.");
    return {...body, version: row.version};
  }

  function ownValues() {
    const typed = Object.entries(own).map(([field, input]) => [field, input.value.trim()]);
    const changed = Object.fromEntries(typed.filter(([field, text]) => text !== String(row[OWN[field]] ?? "")).map(([field, text]) => [field, text || null]));
    const wrong = Boolean(changed.rate) && !/^-?\d+(\.\d+)?$/.test(changed.rate);
    own.rate.setAttribute("aria-invalid", String(wrong));
    if (wrong) throw new Error("A rate is a number such as 1250.75.");
    return changed;
  }

  function drawNow() {
    const place = [[row._worksheet, `row ${row.rowNumber}`, ...row.contextHeaders].filter(Boolean).join(" / "), row.originalCode, [row.originalQuantity, row.originalUnit].join(" ")];
    fill(now, h("p.quiet", {}, place.filter(Boolean).join(" · ")), h("p.note", {}, "Now ", badge(row.tier),
      ` ${[row.matchedDescription ?? "no item", row.matchedRate, row.matchedUnit].filter((each) => each !== null).join(" · ")} · confidence ${percent(row.confidence)}`));
  }
}
