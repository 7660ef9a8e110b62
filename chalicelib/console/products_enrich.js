// Enriching a catalogue: asking for it, and following it batch by batch.

import {get, isAbort, post} from "./api.js";
import {confirm} from "./dialogs.js";
import {announce, fill, h} from "./dom.js";
import {count, plural} from "./format.js";
import {wait} from "./live.js";
import {SOURCES, sourceBadge} from "./products_sources.js";
import {badge, problem, table, time} from "./widgets.js";

const EVERY_MS = 2000;
const ENDED = ["none", "completed", "error", "cancelled"];

/** Ask for an enrichment; answers the server's answer, or {running: true} where one runs already, or null. */
export async function askToEnrich(catalogue, signal) {
  const told = await get("enrichment/providers", {}, {signal});
  const provider = h("select", {}, told.details.map((each) => h("option", {value: each.name, selected: each.name === told.defaultProvider},
    `${each.name}${each.available ? "" : " (no key here)"}: ${each.description}`)));
  const strict = h("input", {type: "checkbox"});
  return confirm("Enrich the products", {
    text: `${plural(catalogue.products, "product")} of ${catalogue.name}. What an earlier enrichment found is replaced.`, verb: "Enrich",
    fields: [h("label", {}, "Provider", provider),
      h("label.check", {}, strict, "Strict: rather fail than take made-up data where the provider cannot be asked")],
    action: () => started(catalogue.catalogId, {provider: provider.value, strict: strict.checked})});
}

async function started(id, query) {
  try {
    return await post(`catalogs/${id}/enrich`, {}, {query});
  } catch (error) {
    if (error.code === "ENRICHMENT_RUNNING") return {running: true};
    throw error;
  }
}

/** A panel that shows the latest enrichment and follows it to its end; `ended` is called then. */
export class EnrichmentPanel {
  constructor(id, {signal, ended}) {
    Object.assign(this, {id, signal, ended, following: false, note: ""});
    this.element = h("section.card", {"aria-label": "Enrichment"});
  }

  /** Show it; go on while it runs. `note` is said above it. */
  async follow(note = "") {
    this.note = note;
    if (this.following) return;
    this.following = true;
    try {
      for (let first = true; ; first = false) {
        const state = await get(`catalogs/${this.id}/enrichment-status`, {}, {signal: this.signal});
        this.draw(state);
        if (ENDED.includes(state.status)) return first || this.tellEnd(state);
        await wait(EVERY_MS, this.signal);
      }
    } catch (error) {
      if (!isAbort(error)) fill(this.element, problem(error));
    } finally {
      this.following = false;
    }
  }

  tellEnd(state) {
    this.note = "";
    this.draw(state);
    announce(`The enrichment is ${state.status}.`);
    this.ended();
  }

  draw(state) {
    this.element.hidden = state.status === "none" && !this.note;
    const open = this.element.querySelector("details")?.open;
    const inside = this.element.contains(document.activeElement);
    fill(this.element, h("div.head", {}, h("h2", {}, "Enrichment"), badge(state.paused ? `paused: ${state.paused}` : state.status, state.paused ? "warn" : undefined)),
      this.note ? h("p.note.warn", {}, this.note) : null, summary(state), tallies(state), differences(state), batches(state, open));
    if (inside) this.element.querySelector("summary")?.focus();
  }
}

function summary(state) {
  const {completedBatches, failedBatches, totalBatches} = state;
  const done = [`${completedBatches} of ${plural(totalBatches, "batch", "batches")} done`, failedBatches ? `${failedBatches} failed` : "",
    `provider ${state.provider}`, state.strict ? "strict" : ""].filter(Boolean).join(" · ");
  return [ENDED.includes(state.status) ? null : h("progress", {max: 100, value: state.percentage, "aria-label": "Progress of the enrichment"}),
    h("p.quiet", {}, done, " · ", time(state.completedAt || state.startedAt), " · ", h("a", {href: `#/jobs/${state.trackingId}`}, "job"))];
}

function tallies(state) {
  const counts = [...Object.keys(SOURCES).map((name) => [state.sources[name] ?? 0, sourceBadge(name)]),
    [state.rejected, h("span", {}, "rejected")], [state.failed, h("span", {}, "failed")]];
  return h("ul.tallies", {}, counts.filter(([number]) => number).map(([number, word]) => h("li", {}, h("b", {}, count(number)), word)));
}

function batches(state, open) {
  if (!state.batches.length) return null;
  return h("details", {open}, h("summary", {}, `Batches (${count(state.batches.length)}${state.moreBatches ? ", more are not shown" : ""})`),
    table({caption: "Batches of the enrichment", rows: state.batches, columns: [
      {title: "Batch", number: true, header: true, cell: (each) => each.batchNumber},
      {title: "Status", tight: true, cell: (each) => badge(each.status)},
      {title: "Products", number: true, cell: (each) => count(each.products)},
      ...Object.keys(SOURCES).map((name) => ({title: name.replace("_", " "), number: true, cell: (each) => count(each.sources[name] ?? 0)})),
      {title: "When", tight: true, cell: (each) => time(each.updatedAt)}]}));
}

/** Under PROCESSING_MODE=parallel two ways do the same work; people want to hear whether they agree. */
function differences(state) {
  if (!state.differences) return null;
  if (!state.differences.length) return h("p.note", {}, "Worked on in both ways: they agree.");
  return h("div.note.warn", {}, `Worked on in both ways: they differ in ${plural(state.differences.length, "product")}.`,
    h("ul", {}, state.differences.slice(0, 20).map((each) => h("li", {}, `${each.productId}: ${each.fields.join(", ")}`))));
}
