// Which pipeline a file is for: guessed from its name and first lines, with the reason in words. A person may say
// otherwise, and of spreadsheets the dry run knows better. Pure.

/** Endings that the app takes, as in chalicelib/api/uploads.py; a test compares the two. */
export const SPREADSHEETS = [".csv", ".tsv", ".txt", ".xlsx", ".xlsm", ".xls", ".xlsb", ".ods", ".gz", ".zip"];
export const PICTURES = [".jpg", ".jpeg", ".png", ".heic", ".heif", ".avif", ".webp", ".tif", ".tiff", ".gif", ".bmp",
  ".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".rw2", ".raf", ".pef", ".srw", ".zip"];
export const ROWS = ["leads", "products", "prices"];
export const PIPELINES = [...ROWS, "images"];

const TEXT = [".csv", ".tsv", ".txt"];
const NAMED = {
  leads: /\b(leads?|contacts?|people|persons?|attendees?|guests?|prospects?|crm|subscribers?|customers?|clients?|mailing)\b/,
  products: /\b(products?|catalog(ue)?s?|skus?|inventory|stock|wholesale|asins?|upcs?|articles?|assortment)\b/,
  prices: /\b(prices?|pricelist|rates?|bills?|boq|quot(e|es|ation)|tender|enquiry|quantities)\b/,
};
const HEADED = {
  leads: [/e-?mail/, /phone|mobile|\btel\b/, /first ?name|given name/, /last ?name|surname/, /full ?name/, /company|firm\b|employer/, /job title/],
  products: [/\b(upc|ean|gtin|isbn|barcode)\b/, /\basin\b/, /\bsku\b/, /\bbrand\b|manufacturer/, /\bcategory\b/, /product/, /\b(msrp|rrp|wholesale)\b/],
  prices: [/description/, /\bunits?\b|\buom\b/, /\bqty\b|quantity/, /\brates?\b/, /\bamount\b/, /\bitem\b/],
};

export function ending(name) {
  return (/\.[^./\\]+$/.exec(name)?.[0] ?? "").toLowerCase();
}

export const isPicture = (name) => ending(name) !== ".zip" && PICTURES.includes(ending(name));
export const isText = (name) => TEXT.includes(ending(name));

/** What the app would say of this ending: "" if it takes it. */
export function refusal(name, pipeline) {
  const taken = pipeline === "images" ? PICTURES : SPREADSHEETS;
  return taken.includes(ending(name)) ? "" : `${ending(name) || "A name without an ending"} is not taken for ${pipeline}. These are: ${taken.join(" ")}`;
}

/**
 * Answers {pipeline, reason, sure}. `text` are the first lines of a text file, `inside` the names in a zip.
 */
export function guess(name, {text = "", inside = []} = {}) {
  if (isPicture(name)) return {pipeline: "images", reason: "a picture by its ending", sure: true};
  const pictures = inside.filter(isPicture).length;
  if (pictures * 2 > inside.length) return {pipeline: "images", reason: `${pictures} of ${inside.length} files inside are pictures`, sure: true};
  return byHeader(text) ?? byName(name) ?? {pipeline: "leads", reason: "nothing tells yet what it holds", sure: false};
}

function byHeader(text) {
  const lines = text.toLowerCase().replaceAll("\0", "").split(/\r\n|\r|\n/).slice(0, 10).join("\n").replaceAll("_", " ");
  const found = ROWS.map((pipeline) => ({pipeline, words: HEADED[pipeline].map((word) => word.exec(lines)?.[0]).filter(Boolean)}))
    .sort((one, other) => other.words.length - one.words.length);
  if (found[0].words.length < 2 || found[0].words.length === found[1].words.length) return null;
  return {pipeline: found[0].pipeline, reason: `its first lines say ${found[0].words.slice(0, 3).join(", ")}`, sure: true};
}

/** Whether a file of prices is the list that bills are matched with. */
export const isPriceList = (name) => /\b(prices?|pricelist|rates?)\b/.test(wordsOf(name));

function wordsOf(name) {
  return name.replace(/([a-z])([A-Z])/g, "$1 $2").toLowerCase().replace(/[^a-z0-9]+/g, " ");
}

function byName(name) {
  const words = wordsOf(name);
  for (const pipeline of ["prices", "products", "leads"]) {
    const word = NAMED[pipeline].exec(words)?.[0];
    if (word) return {pipeline, reason: `“${word}” is in its name`, sure: false};
  }
  return null;
}
