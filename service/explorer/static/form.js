// The form of a request: the fields that are sent, and those that can be added.
import {ValueEditor} from "./editors.js";
import {tags} from "./tags.js";
import {h} from "./vendor/preact.js";

const {button, code, details, div, em, h3, p, summary} = tags;
const GROUPS = {fields: "Fields", inputs: "Inputs", settings: "Settings", readings: "What else to answer"};
const BLANK = {boolean: true, lines: [""], tensor: [[1, 0], [0, 1]], tensors: {}, text: "", integer: 1, number: 1, json: null};

export function Form({form, request, onChange, problem}) {
  const known = new Map(form.fields.map((field) => [field.name, field]));
  const strays = Object.keys(request).filter((name) => !known.has(name)).map((name) => ({name, group: "fields", meaning: ""}));
  const fields = [...form.fields, ...strays];
  return div({class: "form"}, Object.entries(GROUPS).map(([group, title]) => {
    const members = fields.filter((field) => field.group === group);
    return members.length > 0 && h(Group, {key: group, title, members, request, onChange, problem});
  }));
}

function Group({title, members, request, onChange, problem}) {
  const sent = members.filter(({name}) => name in request);
  const others = members.filter(({name}) => !(name in request));
  const set = (name) => (value) => onChange({...request, [name]: value});
  const remove = (name) => {
    const {[name]: _, ...left} = request;
    onChange(left);
  };
  return div({class: "group"},
    h3(null, title),
    sent.map((field) => div({class: "field", key: field.name},
      div({class: "head"},
        code(null, field.name),
        field.dims && em(null, ` ${field.dims}`),
        button({type: "button", class: "remove", "aria-label": `leave out ${field.name}`, onClick: () => remove(field.name)}, "×")),
      field.meaning && p({class: "hint"}, field.meaning),
      h(ValueEditor, {field: field.kind ? field : undefined, name: field.name, value: request[field.name], onChange: set(field.name), problem}),
      listErrors(field.name, problem))),
    others.length > 0 && details(null,
      summary(null, `${others.length} more`),
      others.map((field) => div({class: "offer", key: field.name},
        button({type: "button", onClick: () => set(field.name)(startOf(field))}, "Add ", code(null, field.name)),
        p({class: "hint"}, field.meaning, field.default !== undefined && ` Default: ${JSON.stringify(field.default)}.`)))));
}

function startOf(field) {
  if (field.kind === "boolean") return !(field.default ?? false);
  return field.default ?? field.choices?.[0] ?? BLANK[field.kind];
}

function listErrors(name, problem) {
  return (problem?.errors ?? [])
    .filter(({pointer}) => pointer === `/${name}` || pointer.startsWith(`/${name}/`))
    .map(({pointer, message}) => p({class: "wrong", role: "alert", key: pointer}, code(null, pointer), ` ${message}`));
}
