// The dead letters of one queue: what they are about, why they died, and what a redrive would do.

import {get} from "./api.js";
import {open} from "./dialogs.js";
import {fill, h, toast} from "./dom.js";
import {bytes} from "./format.js";
import {fateBadge, redrive} from "./redrive.js";
import {claims} from "./session.js";
import {actionButton, badge, col, facts, table, time} from "./widgets.js";

export async function show({root, name, signal}) {
  let letters = [];
  let chosen = new Set();
  const list = h("div.stack");
  const note = h("p");
  const some = actionButton("Redrive chosen", () => (chosen.size ? send([...chosen]) : toast("Choose letters first.")));
  fill(root, h("div.head", {}, h("h1", {}, `Dead letters of ${name}`), actionButton("Look again", load), some, actionButton("Redrive all", () => send(null), {kind: "danger"})),
    h("p.quiet", {}, h("a", {href: "#/queues"}, "Queues"), " / What is in letters is masked; there is no other view. A look receives them, so this page looks only when told."), note, list);
  await load();

  async function load() {
    const told = await get(`queues/${name}/dlq`, {limit: 100}, {signal});
    letters = told.letters;
    fill(note, told.note, told.more ? " There are others, which this look did not reach." : "");
    choose([]);
  }

  async function send(messageIds) {
    if (!await redrive(name, messageIds, {signal, told: (text) => fill(note, text)})) return;
    await load();
    root.querySelector("h1").focus();
  }

  function choose(ids, focused = "") {
    chosen = new Set(ids);
    some.textContent = `Redrive chosen (${chosen.size})`;
    const box = (id, label, checked, next) => h("input", {type: "checkbox", "aria-label": label, dataset: {box: id}, checked, onchange: () => choose(next(), id)});
    const toggled = (id) => (chosen.has(id) ? [...chosen].filter((each) => each !== id) : [...chosen, id]);
    const every = letters.length > 0 && chosen.size === letters.length;
    fill(list, letters.length ? h("label.check", {}, box("every", `All ${letters.length} that are shown`, every, () => (every ? [] : letters.map((each) => each.messageId))), `All ${letters.length} that are shown`) : null,
      table({caption: "Dead letters", rows: letters, chosen: (each) => chosen.has(each.messageId), empty: "No dead letters: nothing has failed for good.", columns: [
        col("", (each) => box(each.messageId, `Choose ${titleOf(each)}`, chosen.has(each.messageId), () => toggled(each.messageId)), "tight"),
        col("Letter", (each) => h("button.link", {type: "button", "aria-haspopup": "dialog", onclick: () => detail(each)}, titleOf(each)), "header cell"),
        col("Cause", "cause", "cell"), col("Job", jobOf, "tight"), col("Rows", "rows", "number"), col("Receives", "receives", "number"),
        col("Sent", (each) => time(each.sentAt), "tight"), col("A redrive", (each) => fateBadge(each.fate), "tight"),
        col("", (each) => actionButton("Redrive", () => send([each.messageId]), {kind: "small", label: `Redrive ${titleOf(each)}`}), "tight")]}));
    if (focused) list.querySelector(`[data-box="${CSS.escape(focused)}"]`)?.focus();
  }

  function detail(letter) {
    const dialog = open(titleOf(letter), [facts([["Message", h("code", {}, letter.messageId)], ["Job", jobOf(letter)], ["Its status", letter.jobStatus && badge(letter.jobStatus)], ["Owner", letter.owner],
      ["Attempts", letter.attempts], ["Cause", letter.cause], ["Size", bytes(letter.bytes)], ["A redrive", letter.becomes]]), h("h3", {}, "Body, masked"), h("pre", {tabindex: 0}, pretty(letter.body)),
    h("div.row.end", {}, h("button", {type: "button", onclick: () => dialog.close()}, "Close"))], {wide: true});
  }
}

function titleOf({batchNumber, fileName, messageId}) {
  return batchNumber ? `Batch ${batchNumber} of ${fileName ?? "an unknown file"}` : fileName ?? `Message ${messageId.slice(0, 8)}`;
}

/** Operators see letters of all owners, but jobs of their own only. */
function jobOf({jobId, owner}) {
  if (!jobId || owner !== claims().owner) return jobId && h("code", {title: jobId}, jobId.slice(0, 8));
  return h("a.mono", {href: `#/jobs/${jobId}`, title: jobId}, jobId.slice(0, 8));
}

function pretty(body) {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}
