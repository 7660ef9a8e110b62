// A zip of files that are packed already (pictures), made without holding them: it is a Blob of small headers and of the
// files themselves, which the browser reads from the disk when it is sent. Only their check sums are read beforehand.
// No times go in, so the same files under the same names are the same bytes, and the app knows them again.

/** Bytes and files of one zip; the app takes 1 GiB and 20,000 files. */
export const MOST_BYTES = 2 ** 30 - 2 ** 24;
export const MOST_FILES = 10000;

const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
const UTF8 = 0x0800;
const FIRST_DAY = 0x21;
const TAIL_BYTES = 2 ** 20;
const TABLE = Uint32Array.from({length: 256}, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

/** `files` ({path, file}) in order of their paths, cut into lots that fit into one zip each. */
export function lots(files, mostBytes = MOST_BYTES, mostFiles = MOST_FILES) {
  const cut = [[]];
  let size = 0;
  for (const each of files.toSorted((one, other) => (one.path < other.path ? -1 : 1))) {
    if (cut.at(-1).length && (size + each.file.size > mostBytes || cut.at(-1).length >= mostFiles)) {
      cut.push([]);
      size = 0;
    }
    cut.at(-1).push(each);
    size += each.file.size;
  }
  return cut;
}

/** One zip as a Blob; `onFile(count)` hears of each file that was read. */
export async function zip(files, {signal = null, onFile = () => {}} = {}) {
  const parts = [];
  const directory = [];
  let offset = 0;
  for (const [place, {path, file}] of unique(files).entries()) {
    const name = new TextEncoder().encode(path);
    const told = [[UTF8, 2], [0, 2], [0, 2], [FIRST_DAY, 2], [await crc32(file, signal), 4], [file.size, 4], [file.size, 4], [name.length, 2], [0, 2]];
    const head = record([LOCAL, 4], [20, 2], ...told);
    parts.push(head, name, file);
    directory.push(record([CENTRAL, 4], [20, 2], [20, 2], ...told, [0, 2], [0, 2], [0, 2], [0, 4], [offset, 4]), name);
    offset += head.length + name.length + file.size;
    onFile(place + 1);
  }
  const size = directory.reduce((sum, part) => sum + part.length, 0);
  const end = record([END, 4], [0, 2], [0, 2], [files.length, 2], [files.length, 2], [size, 4], [offset, 4], [0, 2]);
  return new Blob([...parts, ...directory, end], {type: "application/zip"});
}

/** Names of the files in a zip, from its end; none for what is no zip. Of a huge directory only the last ones. */
export async function namesIn(blob) {
  const tail = new DataView(await blob.slice(-TAIL_BYTES).arrayBuffer());
  const names = [];
  for (let at = 0; at + 46 <= tail.byteLength; at += 1) {
    if (tail.getUint8(at) !== 0x50 || tail.getUint32(at, true) !== CENTRAL) continue;
    const name = new TextDecoder().decode(tail.buffer.slice(at + 46, at + 46 + tail.getUint16(at + 28, true)));
    if (!name.endsWith("/") && !name.startsWith("__MACOSX/")) names.push(name);
  }
  return names;
}

/** The CRC-32 of ISO 3309, as zip wants it. */
export async function crc32(blob, signal = null) {
  const reader = blob.stream().getReader();
  let sum = 0xffffffff;
  for (let {done, value} = await reader.read(); !done; {done, value} = await reader.read()) {
    signal?.throwIfAborted();
    for (let place = 0; place < value.length; place += 1) sum = TABLE[(sum ^ value[place]) & 255] ^ (sum >>> 8);
  }
  return (sum ^ 0xffffffff) >>> 0;
}

/** Two files of one name become `name.jpg` and `name-2.jpg`. */
function unique(files) {
  const taken = new Set();
  return files.map(({path, file}) => {
    let name = path;
    for (let number = 2; taken.has(name); number += 1) name = path.replace(/(\.[^./]*)?$/, `-${number}$1`);
    taken.add(name);
    return {path: name, file};
  });
}

/** Little-endian numbers of so many bytes each. */
function record(...fields) {
  const view = new DataView(new ArrayBuffer(fields.reduce((sum, [, width]) => sum + width, 0)));
  let at = 0;
  for (const [value, width] of fields) {
    if (width === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += width;
  }
  return new Uint8Array(view.buffer);
}
