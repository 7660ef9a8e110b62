// The dead letters of one queue: what they are about, why they died, and putting them back after seeing what would go.

import {get, pause, post} from "./api.js";
import {confirm, open} from "./dialogs.js";
import {announce, fill, h, toast} from "./dom.js";
import {bytes, count, plural} from "./format.js";
import {claims} from "./session.js";
import {actionButton, badge, problem, table, time} from "./widgets.js";

const MOST_SHOWN = 100;

export async function show({root, name, signal}) {
  const list = h("div");
  const words = h("div");
  const some = actionButton("Redrive chosen", () => redrive([...chosen]));
  const all = actionButton("Redrive all", () => redrive(null), {kind: "danger"});
  let chosen = new Set();
  let letters = [];
  fill(root, h("div.head", {}, h("h1", {}, `Dead letters of ${name}`), actionButton("Look again", load), some, all),
    h("p.quiet", {}, h("a", {href: "#/queues"}, "Queues"), " / Their texts are masked, and there is no other view. To look at letters is to receive them, so this page looks only when asked."), words, list);
  await load();

  async function load() {
    fill(list, h("p.quiet", {}, "Looking."));
    const told = await get(`queues/${name}/dlq`, {limit: MOST_SHOWN}, {signal}).catch((error) => {
      fill(list);
      throw error;
    });
    letters = told.letters;
    chosen = new Set();
    fill(words, h("p", {}, told.note, told.more ? " There are others, which this look did not reach." : ""));
    draw();
  }

  function draw() {
    const every = h("input", {type: "checkbox", "aria-label": "Choose all that are shown", checked: letters.length > 0 && chosen.size === letters.length,
      onchange: () => mark(every.checked ? letters : [])});
    fill(list, letters.length ? h("label.check", {}, every, "All that are shown") : null, table({caption: `Dead letters of ${name}`, rows: letters, chosen: (each) => chosen.has(each.messageId),
      empty: "No dead letters: nothing has failed for good.", columns: [
        {hidden: "Choose", tight: true, cell: (each) => h("input", {type: "checkbox", "data-id": each.messageId, "aria-label": `Choose ${titleOf(each)}`, checked: chosen.has(each.messageId), onchange: (event) => {
          chosen[event.target.checked ? "add" : "delete"](each.messageId);
          mark(letters.filter((one) => chosen.has(one.messageId)), each.messageId);
        }})},
        {title: "Letter", header: true, class: "cell", cell: (each) => h("button.link", {type: "button", "aria-haspopup": "dialog", onclick: () => detail(each)}, titleOf(each))},
        {title: "Cause", class: "cell", cell: (each) => each.cause},
        {title: "Job", tight: true, cell: jobLink},
        {title: "Rows", number: true, cell: (each) => count(each.rows)},
        {title: "Receives", number: true, cell: (each) => count(each.receives)},
        {title: "Sent", tight: true, cell: (each) => time(each.sentAt)},
        {title: "A redrive", class: "cell", cell: (each) => fateBadge(each.fate)},
        {hidden: "Redrive", tight: true, cell: (each) => actionButton("Redrive", () => redrive([each.messageId]), {kind: "small", label: `Redrive ${titleOf(each)}`})}]}));
    some.disabled = chosen.size === 0;
    some.textContent = chosen.size ? `Redrive chosen (${chosen.size})` : "Redrive chosen";
    all.disabled = letters.length === 0;
  }

  function mark(these, focused = "") {
    chosen = new Set(these.map((each) => each.messageId));
    draw();
    (focused ? list.querySelector(`[data-id="${CSS.escape(focused)}"]`) : list.querySelector("input"))?.focus();
  }

  /** Show what would go, then send it. Without `messageIds` all of the queue, for which its name must be typed. */
  async function redrive(messageIds) {
    const wanted = messageIds ? {messageIds} : {all: true};
    const dry = await post(`queues/${name}/redrive`, {...wanted, dryRun: true}, {signal});
    const answer = await confirm(messageIds ? `Redrive ${plural(messageIds.length, "letter")}` : `Redrive all of ${name}`, {
      text: [h("p", {}, dry.message), fates(dry), dry.complete || messageIds ? null : h("p.note.warn", {}, `Only ${count(dry.lookedAt)} were looked at; there are more, and all go.`),
        dry.notFound.length ? h("p.note.warn", {}, `${plural(dry.notFound.length, "letter")} ${dry.notFound.length === 1 ? "is" : "are"} no longer there, or held by somebody else.`) : null],
      verb: "Redrive", danger: !messageIds, type: messageIds ? "" : name,
      action: () => post(`queues/${name}/redrive`, messageIds ? wanted : {...wanted, confirm: name})});
    if (!answer) return;
    const ended = await end(answer);
    const kind = ended.status === "completed" ? "good" : "bad";
    toast(kind === "good" ? `${plural(ended.moved, "dead letter")} went back to ${name}.` : `The redrive stopped after ${count(ended.moved)}: ${ended.cause || "its request died"}. Ask again for the rest.`, {kind, link: {href: "#/queues?tab=redrives", text: "Redrives"}});
    await load();
  }

  /** The redrive at its end; a worker does large ones. */
  async function end({redrive: state}) {
    while (state.retryAfterMs) {
      fill(words, h("p", {role: "status"}, `A worker is redriving: ${count(state.moved)} of about ${count(state.deadBefore)}.`));
      await pause(state.retryAfterMs, signal);
      state = await get(state.statusUrl, {}, {signal});
    }
    announce(`Redriven: ${state.moved}.`);
    return state;
  }

  async function detail(letter) {
    const box = h("div", {}, h("p.quiet", {}, "Looking."));
    const dialog = open(titleOf(letter), [box, h("div.row.end", {}, h("button", {type: "button", onclick: () => dialog.close()}, "Close"))], {wide: true});
    const rows = [["Queue", name], ["Message", h("code", {}, letter.messageId)], ["Job", jobLink(letter)], ["Job's status", letter.jobStatus && badge(letter.jobStatus)], ["Owner", letter.owner],
      ["File", letter.fileName], ["Attempts", letter.attempts && count(letter.attempts)], ["Cause", letter.cause], ["Receives", count(letter.receives)], ["Size", bytes(letter.bytes)], ["A redrive", letter.becomes]];
    fill(box, h("dl.facts", {}, rows.filter(([, value]) => value).map(([word, value]) => [h("dt", {}, word), h("dd", {}, value)])), h("h3", {}, "Body, masked"), h("pre", {tabindex: 0}, pretty(letter.body)));
  }
}

function titleOf(letter) {
  return letter.batchNumber ? `Batch ${letter.batchNumber} of ${letter.fileName ?? "an unknown file"}` : letter.fileName ?? `Message ${letter.messageId.slice(0, 8)}`;
}

/** Operators see letters of all owners, but jobs of their own organisation only. */
function jobLink(letter) {
  if (!letter.jobId) return null;
  const short = `${letter.jobId.slice(0, 8)}…`;
  return letter.owner === claims().owner ? h("a", {href: `#/jobs/${letter.jobId}`, title: letter.jobId}, short) : h("span.mono", {title: `Of ${letter.owner}`}, short);
}

function fateBadge(fate) {
  return badge(fate, {comes_back: "bad", waits: "warn", cancelled: "warn", undone: "warn"}[fate] ?? "good");
}

function fates(dry) {
  const sentence = (fate) => dry.letters.find((each) => each.fate === fate)?.becomes ?? "";
  return h("ul", {}, Object.entries(dry.fates).map(([fate, number]) => h("li", {}, `${count(number)} × `, fateBadge(fate), ` ${sentence(fate)}`)));
}

function pretty(body) {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}
