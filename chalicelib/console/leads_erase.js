// Erasing a person by e-mail: asked twice, then followed to its end.

import {get, isAbort, pause, post} from "./api.js";
import {confirm, open} from "./dialogs.js";
import {announce, fill, h} from "./dom.js";
import {count, moment} from "./format.js";
import {badge, facts, problem} from "./widgets.js";

/** Answers true when something was begun. */
export async function erasePerson(email = "") {
  const address = h("input", {type: "email", name: "email", required: true, autocomplete: "off", value: email});
  const begun = await confirm("Erase a person", {verb: "Erase for good", danger: true, type: "erase",
    text: "Deletes the person from leads, kept earlier versions, rejected rows, caches and files in work. It cannot be undone; a proof without the address stays.",
    fields: h("label", {}, "E-mail", address), action: () => post("erasure", {email: address.value.trim()})});
  if (begun) await follow(begun);
  return Boolean(begun);
}

async function follow(begun) {
  const shown = h("div", {role: "status"});
  const gone = new AbortController();
  const dialog = open("Erasing a person", [shown, h("div.row.end", {}, h("button.primary", {type: "button", onclick: () => dialog.close()}, "Close"))]);
  dialog.closed.then(() => gone.abort());
  poll(begun, shown, gone.signal);
  await dialog.closed;
}

async function poll(state, shown, signal) {
  try {
    for (;;) {
      fill(shown, told(state));
      if (state.retryAfterMs === null) return announce(`The erasure is ${state.status}.`);
      await pause(state.retryAfterMs, signal);
      state = await get(`erasure/${state.erasureId}`, {}, {signal});
    }
  } catch (error) {
    if (!isAbort(error)) fill(shown, problem(error));
  }
}

function told(state) {
  return [facts([["State", badge(state.status)], ["Leads", count(state.leads)], ["Earlier versions", count(state.priorImages)],
    ["Rows in files", count(state.rows)], ["Cached answers", count(state.cachedAnswers)], ["Jobs searched", count(state.jobs)],
    ["Completed", state.completedAt && moment(state.completedAt)], ["Proof", h("code", {}, state.erasureId)]]),
    state.openJobs > 0 && h("p.note", {}, `${count(state.openJobs)} jobs are still open; they are searched again when they end. This can be closed.`)];
}
