// One lead over the list: its fields to change, where it came from, and ways to be rid of it.

import {call, get, isAbort, remove} from "./api.js";
import {confirm, open} from "./dialogs.js";
import {announce, fill, h, toast, uniqueId} from "./dom.js";
import {moment} from "./format.js";
import {changesOf, CONTENT, nameOf} from "./lead_fields.js";
import {erasePerson} from "./leads_erase.js";
import {facts, problem} from "./widgets.js";

/** Show a lead until the dialog is closed; answers {saved: lead}, {gone: true}, {erased: true} or {}. */
export async function openLead(leadId, {signal}) {
  const path = `leads/${encodeURIComponent(leadId)}`;
  const dialog = open("Lead", h("p.quiet", {role: "status"}, "Loading …"), {wide: true});
  const leave = () => dialog.close();
  const outcome = {};
  signal.addEventListener("abort", leave);
  try {
    const [read, lineage] = await Promise.all([call("GET", path, {signal}), get(`${path}/lineage`, {}, {signal})]);
    dialog.element.querySelector("h2").textContent = nameOf(read.data);
    fill(dialog.body, h("div.two", {}, editor(dialog, path, read, outcome), h("section.card", {}, h("h3", {}, "Where it came from"), origin(lineage))));
    dialog.element.querySelector("input").focus();
  } catch (error) {
    if (!isAbort(error)) fill(dialog.body, problem(error), h("div.row.end", {}, h("button", {type: "button", onclick: leave}, "Close")));
  }
  await dialog.closed;
  signal.removeEventListener("abort", leave);
  return outcome;
}

function editor(dialog, path, {data: lead, headers}, outcome) {
  const [inputs, faults] = [{}, {}];
  let etag = headers.get("ETag");
  const told = h("div", {role: "alert"});
  const save = h("button.primary", {type: "submit"}, "Save");
  dialog.element.addEventListener("cancel", (event) => {
    if (!Object.keys(changes()).length) return;
    event.preventDefault();
    fill(told, h("p.note.warn", {}, "What was changed is not saved. Save it, or leave it with Close."));
  });
  return h("form.stack", {novalidate: true, onsubmit: send}, h("div.fields", {}, Object.entries(CONTENT).map(field)), told, h("div.row.end", {},
    h("button.danger", {type: "button", onclick: drop}, "Delete …"), lead.email && h("button.danger", {type: "button", onclick: erase}, "Erase person …"),
    h("span.grow"), h("button", {type: "button", onclick: () => dialog.close()}, "Close"), save));

  function field([name, title]) {
    faults[name] = h("span.bad", {id: uniqueId("fault")});
    inputs[name] = h(name === "remarks" ? "textarea" : "input", {name, value: lead[name] ?? "", maxlength: 1000, autocomplete: "off", "aria-describedby": faults[name].id});
    return h("label", {}, title, inputs[name], faults[name]);
  }

  function changes() {
    return changesOf(lead, Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, input.value])));
  }

  async function send(event) {
    event.preventDefault();
    const body = changes();
    blame({});
    if (!Object.keys(body).length) return fill(told, h("p.note", {}, "Nothing has changed."));
    save.disabled = true;
    try {
      outcome.saved = (await call("PATCH", path, {body, headers: {"If-Match": etag}})).data;
      announce("The lead was saved.");
      dialog.close();
    } catch (error) {
      if (error.code === "LEAD_CHANGED") await catchUp(body).catch((failed) => fill(told, problem(failed)));
      else refused(error);
    }
    save.disabled = false;
  }

  function refused(error) {
    const {details = {}, code, message} = error;
    if (code === "EMAIL_TAKEN") return blame({email: [`${message} `, h("a", {href: `#/leads/${details.leadId}`}, "Open that lead")]});
    const named = details.field ? {[details.field]: message} : Object.fromEntries((details.fields ?? []).map((each) => [each.field, each.message]));
    blame(named);
    if (!Object.keys(named).some((name) => name in inputs)) fill(told, problem(error));
  }

  /** Say at each field what is wrong with it, and go to the first. */
  function blame(wrong) {
    fill(told);
    for (const [name, input] of Object.entries(inputs)) {
      input.setAttribute("aria-invalid", String(name in wrong));
      fill(faults[name], wrong[name]);
    }
    Object.values(inputs).find((input) => input.name in wrong)?.focus();
  }

  /** Somebody else was faster: take what they wrote where nothing was changed here, and say where both did. */
  async function catchUp(mine) {
    const now = await call("GET", path);
    const both = Object.keys(mine).filter((name) => (now.data[name] ?? "") !== (lead[name] ?? ""));
    for (const [name, input] of Object.entries(inputs)) if (!(name in mine)) input.value = now.data[name] ?? "";
    [lead, etag] = [now.data, now.headers.get("ETag")];
    blame(Object.fromEntries(both.map((name) => [name, `It is now “${lead[name] ?? ""}”.`])));
    fill(told, h("p.note.warn", {}, "The lead has changed since it was opened. Look at it again; Save writes what is here."));
  }

  async function drop() {
    outcome.gone = await confirm("Delete this lead?", {verb: "Delete", danger: true, action: () => remove(path).then(() => true),
      text: `${nameOf(lead)} leaves the list. A later file that holds the same e-mail makes a new lead.`});
    if (!outcome.gone) return;
    toast("The lead was deleted.", {kind: "good"});
    dialog.close();
  }

  async function erase() {
    outcome.erased = await erasePerson(lead.email);
    if (outcome.erased) dialog.close();
  }
}

function origin({corrects, ...lineage}) {
  const job = (id, text) => h("a", {href: `#/jobs/${encodeURIComponent(id)}`}, text);
  return facts([["File", lineage.sourceFile], ["Worksheet", lineage._worksheet], ["Row", lineage.row],
    ["Job", lineage.jobId && job(lineage.jobId, "Open the job")], ["Batch", lineage.batchNumber], ["Attempt", lineage.attempt],
    ["Cleaned by", [lineage.provider, lineage.promptVersion].filter(Boolean).join(", ")],
    ["Corrects", corrects && [`row ${corrects.row} of ${corrects._worksheet || "the file"} in `, job(corrects.jobId, "an earlier job")]],
    ["Warnings", lineage.warnings.length > 0 && lineage.warnings.map((text) => h("div.warn", {}, text))],
    ["Created", moment(lineage.createdAt)], ["Updated", moment(lineage.updatedAt)]]);
}
