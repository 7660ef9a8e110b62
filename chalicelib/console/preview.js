// Dry runs: what would become of a file, asked of the app before anything is spent, and for which pipeline it fits best.

import {call, get, pause, post} from "./api.js";
import {ROWS} from "./guess.js";
import {inTurn, send} from "./upload.js";

const POOR = 0.5;
const CLEARLY = 0.1;

/** Put a file where dry runs find it, for a day; answers its key. */
export function handOver(name, file, pipeline, {signal, onBytes}) {
  return inTurn(async () => {
    const ticket = await post("upload", {fileName: name, fileSize: file.size, pipeline}, {query: {dryRun: true}, signal});
    await send(ticket, file, {signal, onBytes});
    return ticket.fileKey;
  }, signal);
}

/** What would become of it. `onPart` hears of what was read in the first seconds of a long one; `whole: false` is content with that. */
export async function rehearse(fileKey, pipeline, options, {signal, onPart = () => {}, whole = true}) {
  let {status, data} = await call("POST", "dry-run", {body: {fileKey, pipeline, options}, signal});
  if (status !== 202 || !whole) return data;
  const {statusUrl} = data;
  onPart(data);
  while (data.status === "processing") {
    await pause(data.retryAfterMs, signal);
    data = await get(statusUrl, {}, {signal});
  }
  return data;
}

/** From 0 to 1: the share of columns that are mapped with their scores, less the rows that would be rejected. */
export function fit(told) {
  const columns = told.sheets.flatMap((sheet) => sheet.columns);
  if (told.error || !columns.length) return 0;
  const scores = columns.reduce((sum, column) => sum + (column.field ? column.score : 0), 0);
  return scores / columns.length * (1 - (told.checkedRows ? told.checkedRejects / told.checkedRows : 0));
}

/** Whether the other pipelines are worth a look. */
export function isPoor(told) {
  return fit(told) < POOR;
}

/** Look at the file as the other pipelines would: the {pipeline, reason} of one that fits clearly better, or of this one. */
export async function better(fileKey, pipeline, told, {signal}) {
  const others = await Promise.all(ROWS.filter((each) => each !== pipeline).map(async (each) => (
    {pipeline: each, told: await rehearse(fileKey, each, {}, {signal, whole: false})})));
  const best = others.reduce((one, other) => (fit(other.told) > fit(one.told) ? other : one));
  if (fit(best.told) < fit(told) + CLEARLY) return {pipeline, reason: `it fits ${others.map((each) => each.pipeline).join(" and ")} no better`};
  return {pipeline: best.pipeline, reason: `${mappedOf(best.told)} as ${best.pipeline}, ${mappedOf(told)} as ${pipeline}`};
}

/** "5 of 6 columns fit" */
export function mappedOf(told) {
  const columns = told.sheets.flatMap((sheet) => sheet.columns);
  if (!columns.length) return "no columns";
  return `${columns.filter((column) => column.field).length} of ${columns.length} columns fit`;
}
