// Editors of the parts of a request. Each takes a value and calls onChange with the new one.
import {tags} from "./tags.js";
import {useEffect, useId, useState} from "./vendor/hooks.js";
import {h} from "./vendor/preact.js";
import {
  entryAt, listMatrices, looksLikeTensor, parseEntry, parseTensor, replaceEntry, resize, shapeOf,
} from "./tensors.js";

const {button, div, fieldset, input, label, legend, option, output, select, span, table, tbody, td, textarea, tr} = tags;
const MOST_ENTRIES = 400; // of a tensor that is edited as a grid
const STEPS = 200; // of a slider
const SMALL = 0.1; // the step of the arrow keys; with Shift it is 1, as for integers

/** A slider around a number, whose ends can be changed. */
export function Slider({value, onChange, name, isInteger}) {
  const [ends, setEnds] = useState(() => endsAround(value, isInteger));
  useEffect(() => {
    if (value < ends[0] || value > ends[1]) setEnds(endsAround(value, isInteger));
  }, [value]);
  const setEnd = (place) => (event) => {
    const end = Number(event.target.value);
    if (Number.isFinite(end)) setEnds(place ? [ends[0], end] : [end, ends[1]]);
  };
  const step = isInteger ? 1 : roundStep((ends[1] - ends[0]) / STEPS);
  return span({class: "slider"},
    input({class: "end", inputmode: "decimal", "aria-label": `least ${name}`, value: ends[0], onChange: setEnd(0)}),
    input({
      type: "range", "aria-label": `slider of ${name}`, min: ends[0], max: ends[1], step, value,
      onInput: (event) => onChange(Number(event.target.value)),
    }),
    input({class: "end", inputmode: "decimal", "aria-label": `largest ${name}`, value: ends[1], onChange: setEnd(1)}));
}

function endsAround(value, isInteger) {
  if (isInteger) return [Math.min(0, 2 * value), Math.max(10, 2 * value)];
  return value ? [value - 2 * Math.abs(value), value + 2 * Math.abs(value)] : [-1, 1];
}

function roundStep(step) {
  return step > 0 ? Number(step.toPrecision(1)) : 1;
}

/** An input for one entry: a number, a boolean or an expression. Text is kept while it is typed; arrows step numbers. */
function EntryInput({value, onChange, isInteger, ...attributes}) {
  const [typed, setTyped] = useState(null);
  const step = (event) => {
    const sign = {ArrowUp: 1, ArrowDown: -1}[event.key];
    if (!sign || typeof value !== "number") return;
    event.preventDefault();
    setTyped(null);
    onChange(Number((value + sign * (isInteger || event.shiftKey ? 1 : SMALL)).toPrecision(12)));
  };
  return input({
    ...attributes, class: "entry", spellcheck: false, autocomplete: "off", value: typed ?? String(value ?? ""),
    onInput: (event) => {
      setTyped(event.target.value);
      if (event.target.value.trim()) onChange(parseEntry(event.target.value));
    },
    onKeyDown: step, onBlur: () => setTyped(null),
  });
}

/** A tensor as grids that take pasted cells, or as text. focus: the index of the entry to begin at. */
export function TensorEditor({value, onChange, name, focus}) {
  const [isText, setIsText] = useState(false);
  const [chosen, setChosen] = useState(focus ?? null);
  const shape = shapeOf(value);
  const fits = shape !== null && count(shape) <= MOST_ENTRIES;
  if (!fits || isText) {
    return div({class: "tensor"},
      h(TensorText, {value, onChange, name}),
      fits && button({type: "button", onClick: () => setIsText(false)}, "As a grid"));
  }
  const rank = shape.length;
  const [rows, columns] = rank > 1 ? shape.slice(-2) : [1, shape[0] ?? 1];
  const paste = (event) => {
    const pasted = parseTensor(event.clipboardData.getData("text"));
    if (pasted === null || !Array.isArray(pasted)) return;
    event.preventDefault();
    onChange(rank === 2 && shapeOf(pasted).length === 1 ? [pasted] : pasted);
  };
  const size = (text, amount, axis) => input({
    type: "number", min: 1, max: 100, value: amount, "aria-label": `${text} of ${name}`,
    onChange: (event) => {
      const wanted = Math.min(100, Math.max(1, Math.trunc(event.target.valueAsNumber) || 1));
      onChange(axis ? resize(value, rows, wanted) : resize(value, wanted, columns));
    },
  });
  const entry = chosen && chosen.length === rank ? entryAt(value, chosen) : undefined;
  return div({class: "tensor", onPaste: paste},
    listMatrices(value).map(({index, rows: matrix}) => div({class: "matrix", key: index.join()},
      index.length > 0 && span({class: "hint"}, `${name}[${index.join(", ")}]`),
      table(null, tbody(null, matrix.map((row, i) => tr({key: i}, row.map((one, j) => {
        const at = [...index, ...[i, j].slice(2 - Math.min(rank, 2))];
        return td({key: j}, h(EntryInput, {
          value: one, "aria-label": `${name}[${at.join(", ")}]`,
          onFocus: () => setChosen(at), onChange: (next) => onChange(replaceEntry(value, at, next)),
        }));
      }))))))),
    div({class: "tools"},
      rank > 1 && label(null, "rows ", size("rows", rows, 0)),
      rank > 0 && label(null, "columns ", size("columns", columns, 1)),
      button({type: "button", onClick: () => setIsText(true)}, "As text")),
    typeof entry === "number" && h(Slider, {
      key: chosen.join(), value: entry, name: `${name}[${chosen.join(", ")}]`, isInteger: false,
      onChange: (next) => onChange(replaceEntry(value, chosen, next)),
    }));
}

function count(shape) {
  return shape.reduce((product, size) => product * size, 1);
}

function TensorText({value, onChange, name}) {
  const read = (text) => {
    const tensor = parseTensor(text) ?? parseJson(text);
    return tensor === undefined ? undefined : tensor;
  };
  return h(TextOf, {value, onChange, name, read, hint: "lists, an array, or cells of a spreadsheet"});
}

/** Any JSON as text. */
export function JsonEditor({value, onChange, name}) {
  return h(TextOf, {value, onChange, name, read: parseJson, hint: "JSON"});
}

function TextOf({value, onChange, name, read, hint}) {
  const [typed, setTyped] = useState(null);
  const isWrong = typed !== null && read(typed) === undefined;
  const text = typed ?? writeJson(value);
  return div(null,
    textarea({
      "aria-label": name, "aria-invalid": isWrong, spellcheck: false, rows: Math.min(16, text.split("\n").length + 1),
      value: text,
      onInput: (event) => {
        setTyped(event.target.value);
        const parsed = read(event.target.value);
        if (parsed !== undefined) onChange(parsed);
      },
      onBlur: () => !isWrong && setTyped(null),
    }),
    isWrong && output({class: "wrong"}, `Expected ${hint}.`));
}

function parseJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Return JSON with lists of numbers on one line. */
export function writeJson(value) {
  return JSON.stringify(value, null, 1)
    .replace(/\[\s*((?:[^[\]{}\s,"]+|"[^"\\]*")(?:,\s*(?:[^[\]{}\s,"]+|"[^"\\]*"))*)\s*\]/g,
      (_, items) => `[${items.replace(/,\s+/g, ", ")}]`);
}

function LinesEditor({value, onChange, name, problem}) {
  const lines = Array.isArray(value) ? value : String(value).split("\n");
  const refused = problem?.errors.find(({pointer}) => pointer.startsWith(`/${name}`));
  const caret = refused && /column (\d+)/.exec(refused.message);
  const line = refused && /^\/[^/]+\/(\d+)/.exec(refused.pointer);
  const show = () => {
    const area = document.getElementById(`lines-${name}`);
    const start = lines.slice(0, Number(line[1])).join("\n").length + (line[1] === "0" ? 0 : 1);
    area.focus();
    area.setSelectionRange(start + (caret ? Number(caret[1]) - 1 : 0), start + lines[Number(line[1])].length);
  };
  return div(null,
    textarea({
      id: `lines-${name}`, "aria-label": name, spellcheck: false, rows: lines.length + 1, value: lines.join("\n"),
      "aria-invalid": refused !== undefined,
      onInput: (event) => onChange(event.target.value.split("\n")),
    }),
    refused && line && lines[Number(line[1])] !== undefined && div({class: "wrong caret"},
      tags.pre(null, lines[Number(line[1])], caret ? `\n${" ".repeat(Number(caret[1]) - 1)}^` : ""),
      button({type: "button", onClick: show}, "Go there")));
}

function NumberEditor({value, onChange, name, isInteger}) {
  return div({class: "number"},
    h(EntryInput, {value, onChange, isInteger, "aria-label": name}),
    typeof value === "number" && h(Slider, {value, onChange, name, isInteger}));
}

function ObjectEditor({value, onChange, name, children: _, ...rest}) {
  const [added, setAdded] = useState("");
  const id = useId();
  const remove = (key) => {
    const {[key]: __, ...left} = value;
    onChange(left);
  };
  return fieldset(null,
    legend(null, name),
    Object.entries(value).map(([key, item]) => div({class: "field", key},
      div({class: "head"},
        tags.code(null, key),
        button({type: "button", class: "remove", "aria-label": `remove ${key}`, onClick: () => remove(key)}, "×")),
      h(ValueEditor, {...rest, value: item, name: key, onChange: (next) => onChange({...value, [key]: next})}))),
    div({class: "tools"},
      label({for: id}, "Another name "),
      input({id, value: added, spellcheck: false, onInput: (event) => setAdded(event.target.value)}),
      button({
        type: "button", disabled: !added.trim() || added.trim() in value,
        onClick: () => {
          onChange({...value, [added.trim()]: [[0, 0], [0, 0]]});
          setAdded("");
        },
      }, "Add")));
}

/** The editor of a value. field: what is known of it from the form, if anything. */
export function ValueEditor({value, onChange, name, field, problem}) {
  const kind = field?.kind ?? guessKind(value);
  if (kind === "boolean") {
    return input({type: "checkbox", "aria-label": name, checked: value === true, onChange: (event) => onChange(event.target.checked)});
  }
  if (kind === "choice") {
    return select({"aria-label": name, value, onChange: (event) => onChange(event.target.value)},
      field.choices.map((choice) => option({value: choice, key: choice}, choice)));
  }
  if (kind === "tensor" && shapeOf(value) !== null) return h(TensorEditor, {value, onChange, name});
  if ((kind === "number" || kind === "integer") && !Array.isArray(value) && typeof value !== "object") {
    return h(NumberEditor, {value, onChange, name, isInteger: kind === "integer"});
  }
  if (kind === "lines") return h(LinesEditor, {value, onChange, name, problem});
  if (kind === "text" && typeof value === "string") {
    return input({"aria-label": name, spellcheck: false, value, onInput: (event) => onChange(event.target.value)});
  }
  if (value !== null && typeof value === "object" && !Array.isArray(value)) {
    return h(ObjectEditor, {value, onChange, name, problem});
  }
  return h(JsonEditor, {value, onChange, name});
}

function guessKind(value) {
  if (looksLikeTensor(value)) return "tensor";
  if (typeof value === "string") return "text";
  return typeof value;
}
