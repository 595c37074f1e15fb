// The choice of what to ask: by family, by search under any library's name, or from the examples.
import {tags} from "./tags.js";
import {useId, useState} from "./vendor/hooks.js";

const {a, button, details, div, h2, h3, input, label, li, nav, p, summary, ul} = tags;
const plain = (text) => text.toLowerCase().replace(/[\W_]+/g, "");

export function Picker({index, onEndpoint, onExample}) {
  const [sought, setSought] = useState("");
  const id = useId();
  const found = sought.trim() ? search(index, sought) : null;
  return nav({class: "picker", "aria-label": "Questions"},
    label({for: id}, "Search, by any library's name"),
    input({id, type: "search", value: sought, placeholder: "attention, nn.Linear, SGD …", onInput: (event) => setSought(event.target.value)}),
    found
      ? div({role: "region", "aria-label": "Found", "aria-live": "polite"},
        !found.endpoints.length && !found.examples.length && p(null, "Nothing has this name."),
        listEndpoints(found.endpoints, onEndpoint), listExamples(found.examples, onExample))
      : [
        h2(null, "Course questions"),
        listSheets(index).map(([sheet, examples]) => details({key: sheet}, summary(null, sheet), listExamples(examples, onExample))),
        h2(null, "Operations"),
        index.families.map((family) => details({key: family.name},
          summary(null, family.name), p({class: "hint"}, family.meaning),
          listEndpoints(family.endpoints, onEndpoint))),
      ]);
}

function listEndpoints(endpoints, onEndpoint) {
  return ul(null, endpoints.map(({name, summary: meaning}) => li({key: name},
    button({type: "button", class: "link", onClick: () => onEndpoint(name)}, name), ` ${meaning}`)));
}

function listExamples(examples, onExample) {
  return ul(null, examples.map((example) => li({key: example.name},
    button({type: "button", class: "link", title: example.source, onClick: () => onExample(example)}, example.summary))));
}

function listSheets(index) {
  const sheets = new Map();
  for (const example of index.examples.filter(({sheet}) => sheet)) {
    sheets.set(example.sheet, [...(sheets.get(example.sheet) ?? []), example]);
  }
  return [...sheets].sort(([one], [other]) => one.localeCompare(other));
}

/** Return the endpoints and examples that a text finds; names that begin with it come first. */
function search(index, text) {
  const wanted = plain(text.trim().replace(/^.*\.(?=\w)/, "")); // F.softmax and jax.nn.softmax are softmax
  const endpoints = index.families.flatMap((family) => family.endpoints)
    .map((endpoint) => ({endpoint, rank: rankOf(endpoint, wanted)}))
    .filter(({rank}) => rank < Infinity)
    .sort((one, other) => one.rank - other.rank)
    .map(({endpoint}) => endpoint);
  const examples = index.examples.filter(({summary: title, source}) => plain(title + source).includes(wanted));
  return {endpoints, examples: examples.slice(0, 30)};
}

function rankOf({name, elsewhere, summary: meaning}, wanted) {
  const names = [name, ...elsewhere].map((one) => plain(one.replace(/^.*\./, "")));
  if (names.includes(wanted)) return 0;
  if (names.some((one) => one.startsWith(wanted))) return 1;
  if (names.some((one) => one.includes(wanted))) return 2;
  return plain(meaning).includes(wanted) ? 3 : Infinity;
}
