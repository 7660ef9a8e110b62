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
  const outcome = {};
  const dialog = open("Lead", h("p.quiet", {role: "status"}, "Loading …"), {wide: true});
  const leave = () => dialog.close();
  signal.addEventListener("abort", leave);
  dialog.closed.then(() => signal.removeEventListener("abort", leave));
  try {
    const [read, lineage] = await Promise.all([call("GET", `leads/${leadId}`, {signal}), get(`leads/${leadId}/lineage`, {}, {signal})]);
    dialog.element.querySelector("h2").textContent = nameOf(read.data);
    fill(dialog.body, h("div.two", {}, new Editor(dialog, read, outcome).form, h("section", {}, h("h3", {}, "Where it came from"), origin(lineage))));
    dialog.element.querySelector("input").focus();
  } catch (error) {
    if (!isAbort(error)) fill(dialog.body, problem(error), h("div.row.end", {}, h("button", {type: "button", onclick: leave}, "Close")));
  }
  await dialog.closed;
  return outcome;
}

class Editor {
  constructor(dialog, {data, headers}, outcome) {
    Object.assign(this, {dialog, lead: data, etag: headers.get("ETag"), outcome, inputs: {}, faults: {}});
    this.told = h("div", {role: "alert"});
    this.form = h("form.stack", {novalidate: true}, h("div.fields", {}, Object.entries(CONTENT).map(([field, title]) => this.field(field, title))), this.told,
      h("div.row.end", {}, h("button.danger", {type: "button", onclick: () => this.delete()}, "Delete …"),
        data.email && h("button.danger", {type: "button", onclick: () => this.erase()}, "Erase person …"), h("span.grow"),
        h("button", {type: "button", onclick: () => dialog.close()}, "Close"), this.save = h("button.primary", {type: "submit"}, "Save")));
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.send();
    });
    dialog.element.addEventListener("cancel", (event) => {
      if (!Object.keys(this.changes()).length) return;
      event.preventDefault();
      fill(this.told, h("p.note.warn", {}, "What was changed is not saved. Save it, or leave it with Close."));
    });
  }

  field(field, title) {
    const id = uniqueId("fault");
    const input = h(field === "remarks" ? "textarea" : "input", {name: field, value: this.lead[field] ?? "", maxlength: 1000, autocomplete: "off", "aria-describedby": id});
    this.inputs[field] = input;
    this.faults[field] = h("span.bad", {id});
    return h("label", {}, title, input, this.faults[field]);
  }

  changes() {
    return changesOf(this.lead, Object.fromEntries(Object.entries(this.inputs).map(([field, input]) => [field, input.value])));
  }

  async send() {
    const changes = this.changes();
    this.blame({});
    if (!Object.keys(changes).length) return fill(this.told, h("p.note", {}, "Nothing has changed."));
    this.save.disabled = true;
    try {
      this.outcome.saved = (await call("PATCH", `leads/${this.lead.leadId}`, {body: changes, headers: {"If-Match": this.etag}})).data;
      announce("The lead was saved.");
      this.dialog.close();
    } catch (error) {
      await this.refused(error);
    }
    this.save.disabled = false;
  }

  async refused(error) {
    const {details, code} = error;
    if (code === "LEAD_CHANGED") return this.catchUp();
    if (code === "EMAIL_TAKEN") {
      return this.blame({email: [`${error.message} `, h("a", {href: `#/leads/${details.leadId}`}, "Open that lead")]});
    }
    const named = details.field ? {[details.field]: error.message} : Object.fromEntries((details.fields ?? []).map((each) => [each.field, each.message]));
    this.blame(named);
    if (!Object.keys(named).some((field) => field in this.inputs)) fill(this.told, problem(error));
  }

  /** Say at each field what is wrong with it, and go to the first. */
  blame(faults) {
    fill(this.told);
    for (const [field, input] of Object.entries(this.inputs)) {
      input.setAttribute("aria-invalid", String(field in faults));
      fill(this.faults[field], faults[field] ?? null);
    }
    Object.keys(this.inputs).filter((field) => field in faults).slice(0, 1).forEach((field) => this.inputs[field].focus());
  }

  /** Somebody else was faster: take what they wrote where nothing was changed here, and say where both did. */
  async catchUp() {
    const mine = this.changes();
    const {data, headers} = await call("GET", `leads/${this.lead.leadId}`);
    const both = Object.keys(mine).filter((field) => (data[field] ?? "") !== (this.lead[field] ?? ""));
    for (const [field, input] of Object.entries(this.inputs)) if (!(field in mine)) input.value = data[field] ?? "";
    Object.assign(this, {lead: data, etag: headers.get("ETag")});
    this.blame(Object.fromEntries(both.map((field) => [field, `It is now ${data[field] ? `“${data[field]}”` : "empty"}.`])));
    fill(this.told, h("p.note.warn", {}, "The lead has changed since it was opened. Look at it again; Save writes what is here."));
  }

  async delete() {
    const deleted = await confirm("Delete this lead?", {verb: "Delete", danger: true, text: `${nameOf(this.lead)} leaves the list. A later file that holds the same e-mail makes a new lead.`,
      action: () => remove(`leads/${this.lead.leadId}`).then(() => true)});
    if (!deleted) return;
    this.outcome.gone = true;
    toast("The lead was deleted.", {kind: "good"});
    this.dialog.close();
  }

  async erase() {
    this.outcome.erased = await erasePerson(this.lead.email);
    if (this.outcome.erased) this.dialog.close();
  }
}

function origin(lineage) {
  const job = (id, text) => h("a", {href: `#/jobs/${encodeURIComponent(id)}`}, text);
  return facts([["File", lineage.sourceFile], ["Worksheet", lineage._worksheet], ["Row", lineage.row], ["Job", lineage.jobId && job(lineage.jobId, "Open the job")],
    ["Batch", lineage.batchNumber && `${lineage.batchNumber}${lineage.attempt ? `, attempt ${lineage.attempt}` : ""}`],
    ["Cleaned by", lineage.provider && [lineage.provider, lineage.promptVersion].filter(Boolean).join(", ")],
    ["Corrects", lineage.corrects && [`row ${lineage.corrects.row} of ${lineage.corrects._worksheet || "the file"} in `, job(lineage.corrects.jobId, "an earlier job")]],
    ["Warnings", lineage.warnings.length > 0 && lineage.warnings.map((text) => h("div.warn", {}, text))],
    ["Created", moment(lineage.createdAt)], ["Updated", moment(lineage.updatedAt)]]);
}
