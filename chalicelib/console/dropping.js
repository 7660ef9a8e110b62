// What people drop, choose and paste, as files: folders are walked, litter is left out, pictures that come together
// become one zip.

import {isPicture, refusal, ROWS} from "./guess.js";
import {lots} from "./zip.js";

/** Loose pictures from this many on are one job. */
export const MANY = 6;

const LITTER = /(^|\/)(\.[^/]*|__MACOSX|Thumbs\.db|desktop\.ini)(\/|$)/i;

/** All files of a drop or paste: [{path, file}]. What the browser forgets after the event is taken at once. */
export async function filesIn(transfer) {
  const items = [...transfer.items].filter((item) => item.kind === "file");
  const taken = items.map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile()).filter(Boolean);
  const found = await Promise.all(taken.map((each) => (each instanceof File ? [{path: each.name, file: each}] : walk(each))));
  return found.flat();
}

/** All files of an input, with their paths if it is one for folders. */
export function filesOf(input) {
  return [...input.files].map((file) => ({path: file.webkitRelativePath || file.name, file}));
}

async function walk(entry) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => { entry.file(resolve, reject); });
    return [{path: entry.fullPath.replace(/^\//, ""), file}];
  }
  const found = [];
  const reader = entry.createReader();
  for (;;) {
    const some = await new Promise((resolve, reject) => { reader.readEntries(resolve, reject); });
    if (!some.length) return found;
    for (const each of some) found.push(...await walk(each));
  }
}

/** Cells copied from a spreadsheet program, as a file; null for a text that is no table. */
export function pastedTable(text, now = new Date()) {
  const tabs = text.includes("\t");
  if (!tabs && !/[,;].*\n/.test(text)) return null;
  return new File([text], `pasted ${stampOf(now)}.${tabs ? "tsv" : "csv"}`, {type: tabs ? "text/tab-separated-values" : "text/csv"});
}

/**
 * What is to be made of them: {plans, left}. A plan is {name, file}, or {name, parts, note} for a zip that is to be made;
 * `left` are the paths of files in folders that no pipeline takes.
 */
export function arranged(found, now = new Date()) {
  const plans = [];
  const left = [];
  const folders = Map.groupBy(found.filter(({path}) => !LITTER.test(path)), ({path}) => (path.includes("/") ? path.split("/")[0] : ""));
  for (const [folder, files] of folders) {
    const pictures = files.filter(({path}) => isPicture(path));
    const zipped = folder || pictures.length >= MANY ? pictures : [];
    if (zipped.length) plans.push(...zips(folder || `pictures ${stampOf(now)}`, zipped, folder));
    for (const each of files.filter((file) => !zipped.includes(file))) {
      if (folder && refusal(each.path, ROWS[0])) left.push(each.path);
      else plans.push({name: each.file.name, file: each.file});
    }
  }
  return {plans, left};
}

/** A folder's own name is the zip's, and its paths begin beneath it: the app puts the two together again. */
function zips(name, files, folder) {
  const inside = files.map(({path, file}) => ({path: folder ? path.slice(folder.length + 1) : path, file}));
  return lots(inside).map((parts, place, all) => ({name: `${name}.zip`, parts, note: all.length > 1 ? `part ${place + 1} of ${all.length}` : ""}));
}

function stampOf(now) {
  return now.toISOString().slice(0, 19).replace("T", " ").replaceAll(":", ".");
}
