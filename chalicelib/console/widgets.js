// What several pages show: badges, progress, tables, pagers, tabs, downloads.

import {ApiError, get, isAbort, pause, post} from "./api.js";
import {announce, fill, h, toast, uniqueId} from "./dom.js";
import {ago, count, duration, moment, plural} from "./format.js";

const TONES = {completed: "good", error: "bad", cancelled: "warn", processing: "live", uploading: "live", uploaded: "live",
  pending: "live", accepted: "good", review: "warn", unmatched: "bad", manual: "good", real_data: "good", cache: "good",
  mock_data: "warn", not_found: "bad", failed: "bad", done: "good"};

export function badge(word, tone = TONES[word] ?? "") {
  return h(`span.badge${tone ? "." + tone : ""}`, {}, String(word).replaceAll("_", " "));
}

/** A job's status in a word, with why it waits and whether it was undone. */
export function statusBadge(job) {
  if (job.undo) return badge(job.undo.state === "done" ? "undone" : `undo ${job.undo.state}`, "warn");
  if (job.paused && job.status === "processing") return badge(`paused: ${job.paused}`, "warn");
  if (job.duplicateOf) return badge("duplicate", "warn");
  return badge(job.status);
}

/** A time as people say it, the exact one in its title. */
export function time(text) {
  return h("time", {datetime: text || "", title: text ? moment(text) : ""}, ago(text));
}

/** How far a job is: bar, rows, and while it runs rate and time left. */
export function progressOf(job) {
  const {percentage, totalLeads, processedLeads, estimatedRemainingSeconds} = job.progress;
  const parts = [totalLeads ? `${count(processedLeads)} of ${plural(totalLeads, "row")}` : "reading the file"];
  if (job.rate) parts.push(`${job.rate < 10 ? job.rate.toFixed(1) : count(Math.round(job.rate))} rows/s`);
  if (estimatedRemainingSeconds) parts.push(`${duration(estimatedRemainingSeconds)} left`);
  return h("div", {}, h("progress", {max: 100, value: totalLeads ? percentage : null, "aria-label": `Progress of ${job.metadata.fileName}`}),
    h("div.quiet", {}, parts.join(" · ")));
}

/**
 * A table. `columns` are {title, cell(item), number?, tight?, class?, sort?, header?}; `rows` the items.
 * With `sorting` {by, order, change(by, order)} the columns that have `sort` can be sorted by.
 */
export function table({caption, columns, rows, sorting = null, empty = "Nothing here.", chosen = () => false, hideCaption = true}) {
  if (!rows.length) return h("p.empty", {}, empty);
  return h("div.frame", {tabindex: 0, role: "region", "aria-label": caption}, h("table", {},
    h(`caption${hideCaption ? ".hidden-text" : ""}`, {}, caption),
    h("thead", {}, h("tr", {}, columns.map((column) => head(column, sorting)))),
    h("tbody", {}, rows.map((row) => h("tr", {class: chosen(row) ? "chosen" : ""}, columns.map((column) => cell(column, row)))))));
}

/** A column for `table`. `what` is a function of the row or its field; `kinds` are words of number, tight, header, cell, mono. */
export function col(title, what, kinds = "") {
  const has = (kind) => kinds.split(" ").includes(kind);
  return {title, cell: typeof what === "string" ? (row) => row[what] : what, class: kinds, number: has("number"), tight: has("tight"), header: has("header")};
}

/** Names with what stands behind them; those with nothing behind them are left out. */
export function facts(pairs) {
  return h("dl.facts", {}, pairs.filter(([, value]) => value || value === 0).map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

/** Figures in large letters, each with its word. */
export function tallies(pairs) {
  return h("ul.tallies", {}, pairs.map(([figure, word]) => h("li", {}, h("b", {}, figure), h("span", {}, word))));
}

function head(column, sorting) {
  const kind = [column.number && "number", column.tight && "tight"].filter(Boolean).join(" ");
  if (!sorting || !column.sort) return h("th", {scope: "col", class: kind}, column.title || h("span.hidden-text", {}, column.hidden || "Actions"));
  const active = sorting.by === column.sort;
  const next = active && sorting.order === "asc" ? "desc" : "asc";
  return h("th", {scope: "col", class: kind, "aria-sort": active ? (sorting.order === "asc" ? "ascending" : "descending") : null},
    h("button", {type: "button", onclick: () => sorting.change(column.sort, next)}, column.title,
      active ? h("span", {"aria-hidden": "true"}, sorting.order === "asc" ? " ↑" : " ↓") : ""));
}

function cell(column, row) {
  const kind = [column.number && "number", column.tight && "tight", column.class].filter(Boolean).join(" ");
  const content = column.cell(row);
  return column.header ? h("th", {scope: "row", class: kind}, content) : h("td", {class: kind}, content ?? h("span.quiet", {}, "–"));
}

/** Back and forth through a listing by cursors: remembers the way it came. `show(cursor)` loads and shows a page. */
export class Pager {
  constructor(show) {
    this.show = show;
    this.trail = [""];
    this.element = h("div.pager", {role: "group", "aria-label": "Pages"});
  }

  /** Draw for a page of `shown` things that goes on at `cursor`. */
  draw(shown, cursor, words = "rows") {
    const first = this.trail.length === 1;
    const named = shown === 1 ? words.replace(/s$/, "") : words;
    const go = (change) => () => {
      change();
      this.show(this.trail.at(-1));
    };
    fill(this.element, h("span.quiet", {}, `page ${this.trail.length}, ${count(shown)} ${named}${cursor ? "" : ", the last"}`),
      h("button", {type: "button", disabled: first, onclick: go(() => this.trail.pop())}, "Previous"),
      h("button", {type: "button", disabled: !cursor, onclick: go(() => this.trail.push(cursor))}, "Next"));
  }

  /** Begin at the first page again. */
  reset() {
    this.trail = [""];
  }
}

/** Tabs of {id, title, draw(panel)}: a panel is drawn when it is first chosen. Arrow keys move, as in the ARIA pattern. */
export function tabs(label, entries, chosen = entries[0].id) {
  const prefix = uniqueId("tabs");
  const panel = h("div", {role: "tabpanel", tabindex: 0});
  const buttons = entries.map((entry) => h("button", {type: "button", role: "tab", id: `${prefix}-${entry.id}`,
    "aria-controls": `${prefix}-panel`, onclick: () => choose(entry.id)}, entry.title));
  panel.id = `${prefix}-panel`;
  const list = h("div.tabs", {role: "tablist", "aria-label": label}, buttons);
  list.addEventListener("keydown", (event) => {
    const step = {ArrowRight: 1, ArrowLeft: -1}[event.key];
    if (!step) return;
    const place = (buttons.indexOf(document.activeElement) + step + buttons.length) % buttons.length;
    buttons[place].focus();
    choose(entries[place].id);
  });
  function choose(id) {
    entries.forEach((entry, place) => {
      buttons[place].setAttribute("aria-selected", String(entry.id === id));
      buttons[place].tabIndex = entry.id === id ? 0 : -1;
    });
    panel.setAttribute("aria-labelledby", `${prefix}-${id}`);
    entries.find((entry) => entry.id === id).draw(fill(panel));
  }
  choose(chosen);
  return h("div", {}, list, panel);
}

/** What went wrong, where it went wrong; the request id finds it in the logs. */
export function problem(error) {
  const id = error instanceof ApiError && error.requestId ? ` (request ${error.requestId})` : "";
  return h("p.error", {role: "alert"}, `${error.message}${id}`);
}

/** A button that is off while what it started goes on; what that throws becomes a toast. */
export function actionButton(text, action, {kind = "", label = null} = {}) {
  const button = h(`button${kind ? "." + kind : ""}`, {type: "button", "aria-label": label}, text);
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      await action();
    } catch (error) {
      if (!isAbort(error)) toast(error.message, {kind: "bad"});
    }
    button.disabled = false;
  });
  return button;
}

/**
 * Fetch a file that the app makes: inline text, a link, or 202 with a status to follow. `ask` is {method, path, query,
 * body}. Saves it under the name that the app gives.
 */
export async function download(ask, {signal = null} = {}) {
  let answer = ask.method === "POST" ? await post(ask.path, ask.body, {query: ask.query, signal}) : await get(ask.path, ask.query, {signal});
  if (answer.statusUrl && !answer.url) {
    toast("The file is being made; it is saved when it is there.");
    answer = await made(answer.statusUrl, signal);
  }
  if (typeof answer === "string") save(new Blob([answer]), ask.fileName);
  else if (answer.url) follow(answer.url);
  else save(new Blob([answer.content ?? ""], {type: answer.contentType}), answer.filename);
  announce("The file was saved.");
}

async function made(path, signal) {
  for (;;) {
    const state = await get(path, {}, {signal});
    if (state.status === "error") throw new ApiError(500, state.error);
    if (state.url) return state;
    await pause(state.retryAfterMs ?? 2000, signal);
  }
}

function save(blob, name) {
  const link = URL.createObjectURL(blob);
  follow(link, name);
  setTimeout(() => URL.revokeObjectURL(link), 60000);
}

function follow(href, name = "") {
  const link = h("a", {href, download: name});
  document.body.append(link);
  link.click();
  link.remove();
}
