// The Drop page: take files, folders and pasted cells, show each on its way, run them.

import {open} from "./dialogs.js";
import {announce, fill, h} from "./dom.js";
import {Card} from "./card.js";
import {arranged, filesIn, filesOf, pastedTable} from "./dropping.js";
import {bytes, plural} from "./format.js";
import {choices} from "./options.js";
import * as tray from "./tray.js";
import {problem} from "./widgets.js";

export async function show({root, signal}) {
  const offered = {lists: [], methods: []};
  const cards = new Map();
  const changed = new Set();
  const told = h("div");
  const sum = h("div");
  const list = h("div.stack");
  const inputs = {files: picker({multiple: true}), folder: picker({webkitdirectory: true})};
  const button = (text, action, kind = "") => h(`button${kind}`, {type: "button", onclick: action}, text);

  fill(root, h("div.head", {}, h("h1", {}, "Drop")), h("section.drop", {"aria-label": "Drop zone"}, h("strong", {}, "Drop files or a folder here"),
    h("p.quiet", {}, "Tables become leads, products or prices, pictures become ready for the web. You see what would become of a file before it is run. Copied cells can be pasted."),
    h("div.row", {}, button("Choose files", () => inputs.files.click(), ".primary"), button("Choose a folder", () => inputs.folder.click()), button("Paste cells", askForCells)),
    inputs.files, inputs.folder), told, sum, list);
  listen();
  draw();
  Object.assign(offered, await choices(signal));
  for (const card of cards.values()) card.draw();

  function listen() {
    const on = (name, hear, target = window) => target.addEventListener(name, hear, {signal});
    on("list", draw, tray.events);
    on("entry", ({detail}) => soon(detail), tray.events);
    on("progress", ({detail}) => { cards.get(detail)?.move(); total(); }, tray.events);
    on("dragover", (event) => { event.preventDefault(); document.body.classList.add("dragging"); });
    on("dragleave", (event) => { if (!event.relatedTarget) document.body.classList.remove("dragging"); });
    on("drop", (event) => { event.preventDefault(); document.body.classList.remove("dragging"); take(filesIn(event.dataTransfer)); });
    on("paste", paste);
    signal.addEventListener("abort", () => document.body.classList.remove("dragging"));
  }

  /** Draw a card once whatever happens now is over: the focus may be on its way to its next field. */
  function soon(entry) {
    if (!changed.size) setTimeout(() => {
      changed.forEach((each) => cards.get(each)?.draw());
      changed.clear();
      total();
    });
    changed.add(entry);
  }

  async function take(coming) {
    try {
      const {plans, left} = arranged(await coming);
      tray.add(plans);
      fill(told, left.length > 0 && h("p.note.warn", {}, `${plural(left.length, "file")} left out, of kinds that nothing is made of: ${left.slice(0, 5).join(", ")}${left.length > 5 ? " …" : ""}`));
      announce(`${plural(plans.length, "file")} added.`);
    } catch (error) {
      fill(told, problem(error));
    }
  }

  function paste(event) {
    if (event.target.closest?.("input, textarea, dialog")) return;
    if ([...event.clipboardData.items].some(({kind}) => kind === "file")) take(filesIn(event.clipboardData));
    else takeCells(event.clipboardData.getData("text/plain"));
  }

  function takeCells(text) {
    const file = pastedTable(text);
    if (!file) fill(told, problem(new Error("What was pasted is no table; copy some cells with their header.")));
    else take([{path: file.name, file}]);
    return file;
  }

  function askForCells() {
    const text = h("textarea", {required: true, rows: 8, spellcheck: "false"});
    const form = h("form.stack", {onsubmit: (event) => { event.preventDefault(); dialog.close(); takeCells(text.value); }}, h("label", {}, "Cells, with their header", text),
      h("div.row.end", {}, button("Not now", () => dialog.close()), h("button.primary", {type: "submit"}, "Add")));
    const dialog = open("Paste cells", form);
  }

  function picker(more) {
    const label = more.multiple ? "Files" : "Folder";
    return h("input", {type: "file", hidden: true, "aria-label": label, ...more, onchange: ({target}) => { take(filesOf(target)); target.value = ""; }});
  }

  function draw() {
    for (const entry of cards.keys()) if (!tray.entries.includes(entry)) cards.delete(entry);
    for (const entry of tray.entries) if (!cards.has(entry)) cards.set(entry, new Card(entry, offered));
    const lost = list.contains(document.activeElement);
    fill(list, [...cards.values()].map((card) => card.element));
    if (lost && document.activeElement === document.body) root.querySelector("h1").focus();
    total();
  }

  /** All files in a line. */
  function total() {
    const {entries} = tray;
    const moving = entries.filter((entry) => entry.state === "uploading");
    const ready = entries.filter(tray.isRunnable);
    const over = entries.filter(tray.isOver);
    const focused = sum.contains(document.activeElement) ? document.activeElement.textContent.split(" (")[0] : null;
    fill(sum, entries.length > 0 && h("div.row.sum", {}, h("span.grow", {}, `${plural(entries.length, "file")}, ${bytes(size(entries))}`),
      moving.length > 0 && h("progress.short", {max: size(moving) || 1, value: moving.reduce((all, each) => all + each.sent, 0), "aria-label": "Progress of all uploads"}),
      over.length > 0 && button("Clear what is done", () => over.forEach(tray.remove)),
      h("button.primary", {type: "button", disabled: !ready.length, onclick: () => ready.forEach(tray.run)}, `Run all (${ready.length})`)));
    if (focused) ([...sum.querySelectorAll("button")].find((each) => each.textContent.startsWith(focused) && !each.disabled) ?? root.querySelector("h1")).focus();
  }
}

function size(entries) {
  return entries.reduce((all, entry) => all + entry.size, 0);
}
