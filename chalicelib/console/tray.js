// The files that wait on the Drop page, each on its way: looked at, run, uploaded, followed. They stay while other pages
// are shown, and uploads go on; a failure is kept at its file and stops no other. Tells `list`, `entry` and `progress`.

import {call, isAbort, pause, post} from "./api.js";
import {announce} from "./dom.js";
import {guess, isPriceList, isText, refusal} from "./guess.js";
import * as live from "./live.js";
import {better, handOver, isPoor, mappedOf, rehearse} from "./preview.js";
import {onChange, token} from "./session.js";
import {inTurn, send} from "./upload.js";
import {namesIn, zip} from "./zip.js";

/** Larger files are looked at when somebody asks for it: the whole has to be uploaded for that. */
const LOOK_BYTES = 50e6;
const FIRST_BYTES = 4096;
const SETTLE_MS = 500;

export const events = new EventTarget();
export const entries = [];

addEventListener("beforeunload", (event) => { if (entries.some(isMoving)) event.preventDefault(); });
onChange(() => { if (!token()) [...entries].forEach(remove); });
live.events.addEventListener("job", ({detail: job}) => {
  const entry = entries.find((each) => each.job?.jobId === job.jobId);
  if (entry) change(entry, {job});
});

/** `state`: packing, ready, queued, uploading, failed or sent. `look`: {busy, told, error} of the dry run. */
class Entry {
  static last = 0;

  constructor({name, file = null, parts = null, note = ""}) {
    Entry.last += 1;
    Object.assign(this, {id: Entry.last, name, file, parts, note, pipeline: "images", reason: "", byHand: false, state: "ready", options: {},
      again: false, look: {}, key: "", ticket: null, arrived: false, sent: 0, job: null, error: null, work: new AbortController(), looking: null});
  }

  get size() {
    return this.file?.size ?? this.parts.reduce((sum, part) => sum + part.file.size, 0);
  }

  get refusal() {
    return refusal(this.name, this.pipeline);
  }

  /** What is set for the chosen pipeline. */
  get chosen() {
    this.options[this.pipeline] ??= this.pipeline === "prices" && isPriceList(this.name) ? {kind: "list"} : {};
    return this.options[this.pipeline];
  }
}

export const isMoving = (entry) => ["packing", "queued", "uploading"].includes(entry.state);
export const isOver = (entry) => entry.state === "sent" && !live.isLive(entry.job);

/** Whether "Run all" takes it: not what was refused, or was done before. */
export function isRunnable(entry) {
  const {told} = entry.look;
  return ["ready", "failed"].includes(entry.state) && !entry.refusal && !told?.error && !(told?.duplicateOf && !entry.again);
}

/** Take plans of `arranged`. */
export function add(plans) {
  const added = plans.map((plan) => new Entry(plan));
  entries.push(...added);
  tell("list");
  for (const entry of added) prepare(entry);
}

export function remove(entry) {
  entry.work.abort();
  entry.looking?.abort();
  forget(entry);
  entries.splice(entries.indexOf(entry), 1);
  tell("list");
}

async function prepare(entry) {
  try {
    if (entry.parts) await pack(entry);
    else change(entry, guess(entry.name, await hints(entry)));
    if (entry.size <= LOOK_BYTES) look(entry);
  } catch (error) {
    if (!isAbort(error)) change(entry, {state: "failed", error});
  }
}

async function hints({name, file}) {
  if (isText(name)) return {text: await file.slice(0, FIRST_BYTES).text()};
  return /\.zip$/i.test(name) ? {inside: await namesIn(file)} : {};
}

async function pack(entry) {
  change(entry, {state: "packing", reason: `${entry.parts.length} pictures in one job`});
  const file = await zip(entry.parts, {signal: entry.work.signal, onFile: (packed) => tell("progress", Object.assign(entry, {packed}))});
  change(entry, {state: "ready", file});
}

/** Say what an entry is for, or how: `{pipeline}`, `{again}`, or options of its pipeline. What was seen is looked at anew. */
export function choose(entry, {pipeline = entry.pipeline, again = entry.again, ...options}) {
  const other = pipeline !== entry.pipeline;
  forget(entry);
  Object.assign(entry, {pipeline, again}, other && {byHand: true, reason: "chosen by you", look: {}});
  Object.assign(entry.chosen, options);
  change(entry);
  if (other ? entry.size <= LOOK_BYTES : Object.keys(options).length && (entry.look.told || entry.look.error)) look(entry);
}

/** Options as the app takes them. */
function optionsOf({name: file, pipeline, chosen}) {
  const {kind, mapping = {}, ...options} = chosen;
  const not = pipeline !== "prices" ? [] : kind === "list" ? ["listId", "method", "maxAiCalls", "maxUsd"] : ["priceList"];
  if (pipeline === "prices" && kind === "list") options.priceList ||= file.replace(/\.[^.]*$/, "").slice(0, 100);
  const given = Object.entries(options).filter(([name, value]) => value !== "" && !not.includes(name));
  return {...Object.fromEntries(given), ...(Object.keys(mapping).length && {mapping})};
}

/** A dry run; the first one of a file may find that another pipeline fits better. */
export async function look(entry) {
  if (entry.pipeline === "images" || entry.refusal) return;
  entry.looking?.abort();
  entry.looking = new AbortController();
  const {signal} = entry.looking;
  change(entry, {look: {...entry.look, busy: true, error: null}});
  try {
    if (entry.look.told) await pause(SETTLE_MS, signal);
    entry.key ||= await handOver(entry.name, entry.file, entry.pipeline, {signal, onBytes: (sent) => tell("progress", Object.assign(entry, {sent}))});
    const told = await rehearse(entry.key, entry.pipeline, optionsOf(entry), {signal, onPart: (part) => change(entry, {look: {busy: true, told: part}})});
    const first = !entry.byHand && !entry.compared;
    entry.compared = true;
    if (first && isPoor(told)) {
      const {pipeline, reason} = await better(entry.key, entry.pipeline, told, {signal});
      const other = pipeline !== entry.pipeline;
      change(entry, {pipeline, reason: `${entry.reason}; ${reason}`});
      if (other) return await look(entry);
    }
    change(entry, {look: {told}});
    announce(`${entry.name}: ${told.error ? told.error.message : `${told.rows} rows, ${mappedOf(told)}.`}`);
  } catch (error) {
    if (isAbort(error)) return;
    if (error.status === 404) entry.key = "";
    change(entry, {look: {...entry.look, busy: false, error}});
  }
}

/** Upload and run. What fails can be run again: with the same job, as long as nothing was changed. */
export async function run(entry) {
  entry.looking?.abort();
  entry.work = new AbortController();
  const {signal} = entry.work;
  change(entry, {state: "queued", error: null, look: {...entry.look, busy: false}});
  try {
    await inTurn(() => upload(entry, signal), signal);
    const {data: job} = await call("PUT", `status/${entry.ticket.jobId}`, {body: {status: "uploaded"}, signal});
    change(entry, {state: "sent", job});
    announce(`${entry.name} is uploaded.`);
    live.follow(job);
  } catch (error) {
    if (isAbort(error) || error.status === 403) forget(entry);
    change(entry, isAbort(error) ? {state: "ready"} : {state: "failed", error});
  }
}

async function upload(entry, signal) {
  const {name, file, pipeline, again} = entry;
  change(entry, {state: "uploading", sent: 0});
  if (entry.arrived) return;
  entry.ticket ??= await post("upload", {fileName: name, fileSize: file.size, pipeline, options: optionsOf(entry), again}, {signal});
  await send(entry.ticket, file, {signal, onBytes: (sent) => tell("progress", Object.assign(entry, {sent}))});
  entry.arrived = true;
}

/** End the upload of an entry; it can be run again. */
export function stop(entry) {
  entry.work.abort();
}

/** Let go of a job that waits for a file which will not come. */
function forget(entry) {
  if (entry.ticket && entry.state !== "sent") post(`status/${entry.ticket.jobId}/cancel`).catch(() => {});
  Object.assign(entry, {ticket: null, arrived: false});
}

function change(entry, facts = {}) {
  tell("entry", Object.assign(entry, facts));
}

function tell(kind, entry = null) {
  events.dispatchEvent(new CustomEvent(kind, {detail: entry}));
}
