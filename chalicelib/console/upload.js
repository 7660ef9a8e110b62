// Files on their way into the bucket by a presigned form: a few at a time, with progress, and each can be stopped.

import {ApiError} from "./api.js";

const AT_ONCE = 3;

let running = 0;
const waiting = [];

/** Do `work` when fewer than three others are at it. Throws what it throws, and the reason of `signal`. */
export async function inTurn(work, signal) {
  if (running >= AT_ONCE) await turn(signal);
  else running += 1;
  try {
    signal.throwIfAborted();
    return await work();
  } finally {
    if (waiting.length) waiting.shift()();
    else running -= 1;
  }
}

/** Resolves when somebody hands over his place. */
function turn(signal) {
  return new Promise((resolve, reject) => {
    waiting.push(resolve);
    signal.addEventListener("abort", () => {
      const place = waiting.indexOf(resolve);
      if (place < 0) return;
      waiting.splice(place, 1);
      reject(signal.reason);
    }, {once: true});
  });
}

/** Send a file by the form of `POST /upload`; `onBytes(sent)` while it goes. fetch tells no progress, so this does not use it. */
export function send(ticket, file, {signal, onBytes}) {
  const form = new FormData();
  for (const [name, value] of Object.entries(ticket.fields)) form.append(name, value);
  form.append("file", file, "file");
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const stop = () => request.abort();
    request.upload.onprogress = (event) => onBytes(Math.min(file.size, event.loaded));
    request.onload = () => (request.status < 300 ? resolve() : reject(refused(request)));
    request.onerror = () => reject(new ApiError(0, {message: "The upload broke off. Check the connection, then try again."}));
    request.onabort = () => reject(signal.reason);
    request.onloadend = () => signal.removeEventListener("abort", stop);
    signal.addEventListener("abort", stop);
    request.open("POST", ticket.uploadUrl);
    request.send(form);
  });
}

/** The bucket answers in XML. */
function refused(request) {
  const said = new DOMParser().parseFromString(request.responseText, "text/xml").querySelector("Message")?.textContent;
  return new ApiError(request.status, {message: `The bucket refused the file: ${said || request.status}`});
}
