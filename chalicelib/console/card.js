// One file on the Drop page: what it is for, what would become of it, and how far it is.

import {fill, h} from "./dom.js";
import {bytes, count, percent, plural} from "./format.js";
import {PIPELINES} from "./guess.js";
import * as live from "./live.js";
import {fieldsOf} from "./options.js";
import {mappedOf} from "./preview.js";
import {estimate, rejects, sheetOf} from "./sheets.js";
import {choose, entries, isMoving, isOver, look, remove, run, stop} from "./tray.js";
import {badge, problem, progressOf, statusBadge} from "./widgets.js";

/** The card of `entry`; `draw()` shows it as it is now and keeps the focus, `move()` only how far it is. */
export class Card {
  constructor(entry, choices) {
    Object.assign(this, {entry, choices, open: new Map()});
    this.element = h("article.card.stack", {"aria-label": entry.name});
    this.draw();
  }

  draw() {
    const {entry} = this;
    const focused = this.element.contains(document.activeElement) ? keyOf(document.activeElement) : null;
    const fixed = isMoving(entry) || entry.state === "sent";
    fill(this.element, this.head(fixed), entry.refusal && !fixed && h("p.error", {role: "alert"}, entry.refusal), entry.error && problem(entry.error),
      this.way(), !fixed && !entry.refusal && [this.seen(), this.details("Options", fieldsOf(entry.pipeline, entry.chosen, this.choices, (name, value) => choose(entry, {[name]: value})),
        entry.pipeline === "prices"), this.preview()]);
    if (focused === null) return;
    const same = [...this.element.querySelectorAll("button, select, input, summary, a")].find((each) => keyOf(each) === focused && !each.disabled);
    (same ?? this.element.querySelector("h2")).focus();
  }

  head(fixed) {
    const {entry} = this;
    const about = [bytes(entry.size), entry.parts && plural(entry.parts.length, "picture"), entry.note].filter(Boolean).join(" · ");
    return h("div.row", {}, h("div.grow", {}, h("h2", {tabindex: -1}, entry.name, " ", h("span.quiet", {}, about)), (fixed || !entry.refusal) && h("div.quiet", {}, `${entry.pipeline}: ${entry.reason || "reading its first lines"}`)),
      !fixed && h("select.short", {"aria-label": `Pipeline of ${entry.name}`, dataset: {key: "pipeline"}, onchange: ({target}) => choose(entry, {pipeline: target.value})},
        PIPELINES.map((each) => h("option", {value: each, selected: each === entry.pipeline}, each))), this.buttons());
  }

  buttons() {
    const {entry} = this;
    const button = (text, action, kind = "") => h(`button${kind}`, {type: "button", "aria-label": `${text} ${entry.name}`, onclick: () => action(entry)}, text);
    if (["queued", "uploading"].includes(entry.state)) return button("Cancel", stop);
    return [["ready", "failed"].includes(entry.state) && entry.file && !entry.refusal && button(entry.error ? "Retry" : "Run", run, entry.look.told?.error ? "" : ".primary"),
      button(isOver(entry) ? "Clear" : "Remove", remove, ".plain")];
  }

  /** How far packing, upload or job is. */
  way() {
    const {entry} = this;
    this.bar = h("progress", {"aria-label": `Progress of ${entry.name}`});
    this.told = h("div.quiet");
    this.move();
    if (entry.state === "sent") {
      return h("div.stack", {}, h("div.row", {}, statusBadge(entry.job), h("span.grow", {}, entry.job.userMessage), h("a", {href: `#/jobs/${entry.job.jobId}`}, `Job of ${entry.name}`)),
        live.isLive(entry.job) && progressOf(live.last(entry.job.jobId) ?? entry.job));
    }
    return (isMoving(entry) || (entry.look.busy && !entry.key)) && h("div", {}, this.bar, this.told);
  }

  move() {
    const {entry} = this;
    const [done, all, words] = entry.state === "packing" ? [entry.packed ?? 0, entry.parts.length, `packed ${count(entry.packed ?? 0)} of ${plural(entry.parts.length, "picture")}`]
      : entry.state === "queued" ? [0, 1, "waiting for its turn"] : [entry.sent, entry.size || 1, `uploaded ${percent(entry.sent / (entry.size || 1))} of ${bytes(entry.size)}`];
    Object.assign(this.bar, {max: all, value: done});
    fill(this.told, entry.look.busy ? `${words}, to look at it` : words);
  }

  /** The dry run in a line, and what has to be said before anything is run. */
  seen() {
    const {entry} = this;
    const {told, busy, error} = entry.look;
    if (error) return h("div.stack", {}, problem(error), h("div.row", {}, h("button", {type: "button", onclick: () => look(entry)}, "Look again")));
    if (!told) {
      if (busy) return h("p.quiet", {}, "Looking at it; nothing is stored …");
      return entry.file && entry.pipeline !== "images" && h("div.row", {}, h("button", {type: "button", onclick: () => look(entry)}, "Preview"), h("span.quiet", {}, "It is large, and is uploaded for that."));
    }
    return h("div.stack", {"aria-busy": String(Boolean(busy))}, busy && badge("looking again", "live"), told.error && h("p.error", {}, told.error.message), estimate(told),
      told.duplicateOf && h("div.note.warn.row", {}, h("span.grow", {}, "These bytes were dropped before, with these options, as ", h("a", {href: `#/jobs/${told.duplicateOf}`}, "this job"), "."),
        h("label.check", {}, h("input", {type: "checkbox", checked: entry.again, dataset: {key: "again"}, onchange: ({target}) => choose(entry, {again: target.checked})}), "Run it again")),
      told.corrects.length > 0 && h("p.note", {}, "Corrects rejected rows of ", told.corrects.map((id) => [h("a", {href: `#/jobs/${id}`}, id.slice(0, 8)), " "])));
  }

  preview() {
    const {entry} = this;
    const {told} = entry.look;
    if (!told?.sheets.length) return null;
    return this.details(`Preview: ${plural(told.sheets.length, "sheet")}, ${mappedOf(told)}`, [told.sheets.map((sheet) => (
      sheetOf(sheet, told.fields, entry.chosen.mapping ?? {}, (mapping) => choose(entry, {mapping})))), rejects(told)], entries.length === 1);
  }

  details(title, content, open) {
    const key = title.split(":")[0];
    return h("details", {open: this.open.get(key) ?? open, ontoggle: ({target}) => this.open.set(key, target.open)}, h("summary", {dataset: {key}}, title), h("div.stack", {}, content));
  }
}

function keyOf(element) {
  return element.dataset.key ?? element.getAttribute("aria-label") ?? element.textContent;
}
