// Requests to the app. Paths are relative to the page, because a deployed path begins with the gateway's stage.

import {signOut, token} from "./session.js";

const TRIES = 3;
const LONGEST_WAIT = 10;

/** A refusal in the app's one error body; `message` is its sentence. */
export class ApiError extends Error {
  constructor(status, error = {}, retryAfter = null) {
    super(error.message || `The server answered ${status}.`);
    Object.assign(this, {status, code: error.code || "", details: error.details || {}, requestId: error.requestId || "",
      retryAfter});
  }
}

/**
 * Ask the app: answers {status, data, headers}, or throws ApiError.
 * `query` leaves out empty values, `body` is sent as JSON (a FormData as it is). Reads that the app cannot serve now
 * are asked again when it says so; anything else is asked once, and a POST carries a key that makes a repetition harmless.
 */
export async function call(method, path, {query = {}, body = null, headers = {}, signal = null} = {}) {
  const init = {method, signal, headers: {Accept: "application/json", ...headers}, cache: "no-store"};
  if (token()) init.headers.Authorization = `Bearer ${token()}`;
  if (body instanceof FormData) init.body = body;
  else if (body !== null) Object.assign(init, {body: JSON.stringify(body)}) && (init.headers["Content-Type"] = "application/json");
  if (method === "POST") init.headers["Idempotency-Key"] = crypto.randomUUID();
  for (let attempt = 1; ; attempt += 1) {
    const answer = await send(url(path, query), init);
    const wait = Number(answer.headers.get("Retry-After") || 1);
    const again = method === "GET" && [429, 503].includes(answer.status) && attempt < TRIES && wait <= LONGEST_WAIT;
    if (!again) return understood(answer);
    await pause(wait * 1000, signal);
  }
}

export const get = async (path, query = {}, options = {}) => (await call("GET", path, {query, ...options})).data;
export const post = async (path, body = {}, options = {}) => (await call("POST", path, {body, ...options})).data;
export const patch = async (path, body = {}, options = {}) => (await call("PATCH", path, {body, ...options})).data;
export const remove = async (path, options = {}) => (await call("DELETE", path, options)).data;

/** All pages of a listing that answers `cursor`, at most `most` of what `field` holds. */
export async function everyPage(path, field, {query = {}, most = 500, signal = null} = {}) {
  const found = [];
  let cursor = "";
  do {
    const page = await get(path, {...query, cursor}, {signal});
    found.push(...page[field]);
    cursor = page.cursor;
  } while (cursor && found.length < most);
  return found.slice(0, most);
}

/** One page of a filtered listing: goes on past stretches in which `keep` keeps nothing, for they can be long. */
export async function filledPage(path, field, {query = {}, keep = () => true, most = 20, signal = null} = {}) {
  let page = await get(path, query, {signal});
  for (let asked = 1; !page[field].some(keep) && page.cursor && asked < most; asked += 1) {
    page = await get(path, {...query, cursor: page.cursor}, {signal});
  }
  return {items: page[field].filter(keep), cursor: page.cursor};
}

/** Wait, unless `signal` ends it. */
export function pause(milliseconds, signal = null) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    }, {once: true});
  });
}

/** True for what leaving a page throws; nobody needs to hear of it. */
export function isAbort(error) {
  return error?.name === "AbortError";
}

/** The address of `path` with its query, relative to the page. */
export function url(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const text = new URLSearchParams(given).toString();
  return path.replace(/^\//, "") + (text ? `?${text}` : "");
}

async function send(address, init) {
  try {
    return await fetch(address, init);
  } catch (error) {
    if (isAbort(error)) throw error;
    throw new ApiError(0, {message: "The server cannot be reached. Check the connection, then try again."});
  }
}

async function understood(answer) {
  if (answer.status === 304) return {status: 304, data: null, headers: answer.headers};
  const text = await answer.text();
  const isJson = (answer.headers.get("Content-Type") || "").includes("json");
  const data = isJson && text ? JSON.parse(text) : text;
  if (answer.ok) return {status: answer.status, data, headers: answer.headers};
  if (answer.status === 401 && token()) signOut();
  throw new ApiError(answer.status, data?.error, Number(answer.headers.get("Retry-After")) || null);
}
