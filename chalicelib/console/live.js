// Jobs that run, followed in the background on every page: asked no more often than the app says (`retryAfterMs`), with
// ETags, and not at all while nobody looks. Pages listen for `job` (one has changed) and `ended` (one has ended).

import {call, get, isAbort} from "./api.js";

const LIST_EVERY_MS = 6000;
const LIST_LIMIT = 20;
const FIRST_WAIT_MS = 1000;

/** Emits `job` and `ended`, both with {detail: job}. */
export const events = new EventTarget();

const known = new Map();
const watched = new Map();
let session = new AbortController();

export function isLive(job) {
  return job.retryAfterMs !== null;
}

/** The last that was heard of a job, or undefined. `rate` is in rows a second, null until there is one. */
export function last(jobId) {
  return known.get(jobId);
}

export function liveCount() {
  return watched.size;
}

/** Begin anew for whoever is signed in now. */
export function start() {
  stop();
  session = new AbortController();
  lookAround(session.signal);
}

export function stop() {
  session.abort();
  watched.clear();
  known.clear();
}

/** Follow one job until it ends; harmless for one that is followed or has ended. */
export function follow(job) {
  learn(job);
  if (isLive(job) && !watched.has(job.jobId)) watch(job.jobId, session.signal);
}

async function lookAround(signal) {
  let newest = null;
  while (!signal.aborted) {
    try {
      const page = await get("status", {limit: LIST_LIMIT}, {signal});
      for (const job of page.jobs) hear(job, newest !== null && job.createdAt > newest);
      newest = page.jobs[0]?.createdAt ?? "";
      await wait(LIST_EVERY_MS, signal);
    } catch (error) {
      if (isAbort(error) || error.status === 401) return;
      await wait(LIST_EVERY_MS * 2, signal).catch(() => {});
    }
  }
}

/** A job of the listing. One that has begun and ended between two looks has ended all the same. */
function hear(job, isNew) {
  const missed = isNew && !known.has(job.jobId) && !isLive(job);
  follow(job);
  if (missed) tell("ended", known.get(job.jobId));
}

async function watch(jobId, signal) {
  watched.set(jobId, true);
  let etag = "";
  let delay = FIRST_WAIT_MS;
  try {
    while (!signal.aborted) {
      await wait(delay, signal);
      const answer = await call("GET", `status/${jobId}`, {signal, headers: etag ? {"If-None-Match": etag} : {}});
      etag = answer.headers.get("ETag") || "";
      if (answer.status === 304) continue;
      learn(answer.data);
      if (!isLive(answer.data)) break;
      delay = answer.data.retryAfterMs;
    }
  } catch (error) {
    if (isAbort(error)) return;
  }
  watched.delete(jobId);
  if (!signal.aborted && known.has(jobId)) tell("job", known.get(jobId));
}

/** Remember a job and tell whoever listens, if it is news. */
function learn(job) {
  const before = known.get(job.jobId);
  const changed = !before || before.updatedAt !== job.updatedAt || before.status !== job.status
    || before.progress.processedLeads !== job.progress.processedLeads || before.paused !== job.paused;
  const now = performance.now();
  known.set(job.jobId, {...job, heard: changed ? now : before.heard, rate: rateOf(before, job, now)});
  if (!changed) return;
  tell("job", known.get(job.jobId));
  if (before && isLive(before) && !isLive(job)) tell("ended", known.get(job.jobId));
}

/** Rows a second between two answers, smoothed. */
function rateOf(before, job, now) {
  if (!before || !isLive(job)) return null;
  const rows = job.progress.processedLeads - before.progress.processedLeads;
  const seconds = (now - before.heard) / 1000;
  if (rows <= 0 || seconds <= 0) return before.rate ?? null;
  return before.rate ? 0.5 * before.rate + 0.5 * (rows / seconds) : rows / seconds;
}

function tell(kind, job) {
  events.dispatchEvent(new CustomEvent(kind, {detail: job}));
}

/** Wait, and go on waiting while the page is hidden. */
export async function wait(milliseconds, signal) {
  await new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    }, {once: true});
  });
  while (document.hidden && !signal.aborted) {
    await new Promise((resolve) => document.addEventListener("visibilitychange", resolve, {once: true}));
  }
}
