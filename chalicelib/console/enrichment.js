// Enriching a catalogue: asking for it, and following it batch by batch.

import {get, isAbort, post} from "./api.js";
import {confirm} from "./dialogs.js";
import {announce, fill, h} from "./dom.js";
import {count, plural} from "./format.js";
import {wait} from "./live.js";
import {SOURCES} from "./product.js";
import {badge, col, facts, problem, table, tallies, time} from "./widgets.js";

const EVERY_MS = 2000;
const ENDED = ["none", "completed", "error", "cancelled"];
const RUNS = "An enrichment of this catalogue runs already, so no other was begun. Ask again when it has ended.";

/** Ask for an enrichment; answers what is to be said of it, or null where none was wanted. */
export async function enrich(catalogue, signal) {
  const told = await get("enrichment/providers", {}, {signal});
  const provider = h("select", {}, told.details.map(({name, available}) => h("option", {value: name, selected: name === told.defaultProvider}, name, available ? "" : " (no key here)")));
  const strict = h("input", {type: "checkbox"});
  return confirm("Enrich the products", {verb: "Enrich", text: [`${plural(catalogue.products, "product")} of ${catalogue.name}; what an earlier enrichment said is replaced.`,
    facts(told.details.map((each) => [each.name, each.description]))],
  fields: [h("label", {}, "Provider", provider), h("label.check", {}, strict, "Strict: rather fail than take made-up data")],
  action: () => post(`catalogs/${catalogue.catalogId}/enrich`, {}, {query: {provider: provider.value, strict: strict.checked}}).then(() => ({note: ""}), (error) => {
    if (error.code !== "ENRICHMENT_RUNNING") throw error;
    return {note: RUNS};
  })});
}

/** Show the latest enrichment in `element` and follow it to its end. Answers whether it moved. */
export async function follow(element, id, {note = "", signal}) {
  element.dataset.note = note;
  for (let moved = false; ; moved = true) {
    const state = await get(`catalogs/${id}/enrichment-status`, {}, {signal}).catch((error) => {
      if (isAbort(error)) throw error;
      fill(element, problem(error));
      return {status: "none"};
    });
    const ended = ENDED.includes(state.status);
    if (state.trackingId) draw(element, state, ended ? "" : element.dataset.note);
    if (ended && moved) announce(`The enrichment is ${state.status}.`);
    if (ended) return moved;
    await wait(EVERY_MS, signal);
  }
}

function draw(element, state, note) {
  const focused = element.contains(document.activeElement);
  const sources = Object.keys(SOURCES);
  const {batches, completedBatches, failedBatches, totalBatches, differences} = state;
  fill(element, h("section.card.stack", {"aria-label": "Enrichment"}, h("div.row", {}, h("b", {}, "Enrichment"), state.paused ? badge(`paused: ${state.paused}`, "warn") : badge(state.status),
    h("span.quiet", {}, `${completedBatches} of ${plural(totalBatches, "batch", "batches")}${failedBatches ? `, ${failedBatches} failed` : ""} · ${state.provider}${state.strict ? ", strict" : ""} · `, time(state.completedAt || state.startedAt)),
    h("a", {href: `#/jobs/${state.trackingId}`}, "Job")),
  note ? h("p.note.warn", {}, note) : null,
  ENDED.includes(state.status) ? null : h("progress", {max: 100, value: state.percentage, "aria-label": "Progress of the enrichment"}),
  tallies([...sources.map((name) => [state.sources[name], badge(name)]), [state.rejected, "rejected"], [state.failed, "failed"]].filter(([figure]) => figure)),
  differences?.length ? h("p.note.warn", {}, `Worked on in both ways, which differ in ${plural(differences.length, "product")}, first ${differences[0].productId}.`) : null,
  h("details", {open: element.querySelector("details")?.open}, h("summary", {}, `Batches${state.moreBatches ? ", the first" : ""} (${batches.length})`), table({caption: "Batches of the enrichment", rows: batches, columns: [
    col("Batch", "batchNumber", "header number"), col("Status", (each) => badge(each.status), "tight"), col("Products", (each) => count(each.products), "number"),
    ...sources.map((name) => col(name.replace("_", " "), (each) => count(each.sources[name]), "number")), col("When", (each) => time(each.updatedAt), "tight")]}))));
  if (focused) element.querySelector("summary").focus();
}
