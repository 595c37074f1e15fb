// Tensors as nested arrays: their entries as text, their shapes, and the forms in which people paste them.

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const WRAPPER = /^(?:[\w.]*\.)?(?:array|tensor|matrix|Matrix|asarray)\s*\(([\s\S]*?)(?:,\s*(?:dtype|device|requires_grad|grad_fn)\s*=[\s\S]*)?\)\s*;?$/;
const SPECIAL = {nan: "NaN", inf: "Infinity", "-inf": "-Infinity", infinity: "Infinity", "-infinity": "-Infinity"};
const BOOLEANS = {true: true, false: false};

/** Return the entry that a text means: a number, a boolean, or an expression as text. */
export function parseEntry(text) {
  const trimmed = text.trim().replaceAll("−", "-");
  if (NUMBER.test(trimmed) && Number.isFinite(Number(trimmed))) return Number(trimmed);
  const lower = trimmed.toLowerCase();
  return BOOLEANS[lower] ?? SPECIAL[lower] ?? trimmed;
}

/** Return the shape of a tensor, or null if it is ragged, empty or holds objects. */
export function shapeOf(value) {
  if (!Array.isArray(value)) return ["number", "string", "boolean"].includes(typeof value) ? [] : null;
  const shapes = value.map(shapeOf);
  if (!shapes.length || shapes.includes(null) || new Set(shapes.map(String)).size > 1) return null;
  return [value.length, ...shapes[0]];
}

/** Return whether a value is shown as a tensor although nothing says that it is one. */
export function looksLikeTensor(value) {
  return Array.isArray(value) && shapeOf(value) !== null && value.flat(Infinity).some((entry) => typeof entry === "number");
}

/** Return the matrices of a tensor with their indices; a vector is one row, a number one entry. */
export function listMatrices(tensor) {
  const rank = shapeOf(tensor).length;
  if (rank < 2) return [{index: [], rows: [rank ? tensor : [tensor]]}];
  if (rank === 2) return [{index: [], rows: tensor}];
  return tensor.flatMap((part, place) =>
    listMatrices(part).map(({index, rows}) => ({index: [place, ...index], rows})));
}

/** Return a copy of a tensor with another entry at an index. */
export function replaceEntry(tensor, index, entry) {
  if (!index.length) return entry;
  const [first, ...rest] = index;
  return tensor.map((part, place) => (place === first ? replaceEntry(part, rest, entry) : part));
}

/** Return the entry at an index. */
export function entryAt(tensor, index) {
  return index.reduce((part, place) => part?.[place], tensor);
}

/** Return a tensor with other sizes of its last two axes; new entries are 0, or false among booleans. */
export function resize(tensor, rows, columns) {
  const rank = shapeOf(tensor).length;
  if (rank > 2) return tensor.map((part) => resize(part, rows, columns));
  const blank = typeof tensor.flat(Infinity)[0] === "boolean" ? false : 0;
  const fit = (row) => Array.from({length: columns}, (_, place) => row[place] ?? blank);
  return rank === 1 ? fit(tensor) : Array.from({length: rows}, (_, place) => fit(tensor[place] ?? []));
}

/** Return the tensor that a pasted text means, or null: JSON, Python, NumPy's print, or a spreadsheet's cells. */
export function parseTensor(text) {
  let body = text.trim();
  const wrapped = WRAPPER.exec(body);
  if (wrapped) body = wrapped[1].trim();
  if (!body) return null;
  const parsed = /^[[(]/.test(body) ? parseLists(body) : parseCells(body);
  return parsed !== null && shapeOf(parsed) !== null ? parsed : null;
}

function parseCells(text) {
  const lines = text.split(/\r?\n/).filter((line) => line.trim());
  const separator = [/\t/, /;/, /,/].find((one) => one.test(text)) ?? /\s+/;
  const rows = lines.map((line) => line.trim().split(separator).map(parseEntry));
  if (rows.length > 1) return rows;
  return rows[0].length > 1 ? rows[0] : rows[0][0];
}

/** Return nested lists written with brackets, and commas or spaces between entries; null if they do not match. */
function parseLists(text) {
  const tokens = text.match(/"[^"]*"|'[^']*'|[[\](),]|[^\s[\](),"']+(?:\([^[\]()]*\)[^\s[\](),"']*)*/g) ?? [];
  const open = [];
  let done = null;
  for (const token of tokens) {
    if (done !== null) return null;
    if (token === "[" || token === "(") open.push([]);
    else if (token === "]" || token === ")") {
      if (!open.length) return null;
      const list = open.pop();
      if (open.length) open.at(-1).push(list);
      else done = list;
    } else if (token !== ",") {
      if (!open.length) return null;
      open.at(-1).push(parseEntry(token.replace(/^["']|["']$/g, "")));
    }
  }
  return done;
}
