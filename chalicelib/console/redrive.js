// Dead letters back on their queue: first what would go, then the word of a person, then how far it is.

import {get, pause, post} from "./api.js";
import {confirm} from "./dialogs.js";
import {h, toast} from "./dom.js";
import {count, plural} from "./format.js";
import {badge} from "./widgets.js";

/** Redrive `messageIds`, or all for null, which wants the queue's name typed. Answers whether anything was sent. */
export async function redrive(name, messageIds, {signal, told}) {
  const path = `queues/${name}/redrive`;
  const wanted = messageIds ? {messageIds} : {all: true};
  const dry = await post(path, {...wanted, dryRun: true}, {signal});
  const answer = await confirm(messageIds ? `Redrive ${plural(messageIds.length, "dead letter")}` : `Redrive all of ${name}`, {verb: "Redrive", danger: !messageIds, type: messageIds ? "" : name,
    text: [dry.message, fates(dry), messageIds || dry.complete ? null : h("p.note.warn", {}, `There are more than the ${count(dry.lookedAt)} that were looked at; all go.`),
      dry.notFound.length ? h("p.note.warn", {}, `${plural(dry.notFound.length, "letter")} could not be found: gone, or held by somebody else.`) : null],
    action: () => post(path, messageIds ? wanted : {...wanted, confirm: name}, {signal})});
  if (!answer) return false;
  const {status, moved, cause} = await end(answer.redrive, signal, told);
  const done = status === "completed";
  toast(done ? `${plural(moved, "dead letter")} went back to ${name}.` : `The redrive stopped after ${count(moved)} (${cause ?? "its request died"}). Ask again for the rest.`,
    {kind: done ? "good" : "bad", link: {href: "#/queues?tab=redrives", text: "Redrives"}});
  return true;
}

/** A worker does large ones; this waits for it. */
async function end(state, signal, told) {
  while (state.retryAfterMs) {
    told(`A worker moves them: ${count(state.moved)} of about ${count(state.deadBefore)}.`);
    await pause(state.retryAfterMs, signal);
    state = await get(state.statusUrl, {}, {signal});
  }
  return state;
}

export function fateBadge(fate) {
  return badge(fate, {comes_back: "bad", waits: "warn", cancelled: "warn", undone: "warn"}[fate] ?? "good");
}

function fates({fates: counts, letters}) {
  return h("ul", {}, Object.entries(counts).map(([fate, number]) => h("li", {}, `${count(number)} `, fateBadge(fate), " ", letters.find((each) => each.fate === fate)?.becomes)));
}
