// The explorer: a question, its form, and the answer beside it, asked again at every change.
import {readAddress, writeAddress} from "./address.js";
import {askDocument, askJson, findEntry, listParts, load, markChanges, updateNode} from "./answers.js";
import {JsonEditor, TensorEditor} from "./editors.js";
import {Form} from "./form.js";
import {Picker} from "./picker.js";
import {writeSnippets} from "./snippets.js";
import {tags} from "./tags.js";
import {entryAt, shapeOf} from "./tensors.js";
import {useEffect, useRef, useState} from "./vendor/hooks.js";
import {h, render} from "./vendor/preact.js";

const {a, article, aside, button, code, details, div, h1, h2, header, li, main, option, p, pre, section, select, span, summary, ul} = tags;
const FIRST = "self_attention";
const ABOUT_OTHERS = new Set(["compare", "cost", "grade", "grade/check", "variants"]); // their requests hold a question

function Explorer() {
  const [index, setIndex] = useState(null);
  const [question, setQuestion] = useState(null);
  const [form, setForm] = useState(null);
  const [result, setResult] = useState(null);
  const [kept, setKept] = useState(null);
  const [entry, setEntry] = useState(null);
  const [isJson, setIsJson] = useState(false);
  const asking = useRef(null);

  const open = async (next) => {
    const examples = index?.examples ?? (await load("index.json")).examples;
    const example = examples.find(({endpoint}) => endpoint === next.endpoint);
    const request = next.request ?? (example ? await load(`examples/${example.name}.json`) : {});
    setEntry(null);
    setResult(null);
    setQuestion({endpoint: next.endpoint, request});
  };
  const openAddress = async () => open(await readAddress(location.hash) ?? {endpoint: FIRST, request: null});

  useEffect(() => {
    load("index.json").then(setIndex);
    openAddress();
    const listen = () => openAddress();
    addEventListener("hashchange", listen);
    return () => removeEventListener("hashchange", listen);
  }, []);

  useEffect(() => {
    if (!question) return;
    const {endpoint} = question;
    load(`forms/${endpoint}.json`).then(
      (loaded) => setForm({endpoint, ...loaded}),
      () => setForm({endpoint, summary: "", fields: []}));
  }, [question?.endpoint]);

  // The last answer stays beside the problem, so that nothing jumps while a number is typed.
  const refuse = (problem) => setResult((last) => ({document: last?.document, problem}));

  useEffect(() => {
    if (!question) return undefined;
    const controller = new AbortController();
    const run = async () => {
      // One question at a time: while an answer is under way, only the last change waits for it.
      await asking.current;
      if (controller.signal.aborted) return;
      asking.current = askDocument(question, controller.signal)
        .then(({problem, ...answer}) => (problem ? refuse(problem) : setResult(answer)))
        .catch((error) => error.name !== "AbortError" && refuse({title: "No answer", detail: error.message, errors: []}));
    };
    run();
    writeAddress(question).then((fragment) => !controller.signal.aborted && history.replaceState(null, "", fragment));
    return () => controller.abort();
  }, [question]);

  if (!question || !index) return p(null, "Loading …");
  const isFormReady = form?.endpoint === question.endpoint;
  const change = (request) => setQuestion({...question, request});
  return [
    header(null,
      h1(null, a({href: "./"}, "Workings")),
      p(null, "Every value, gradient and step of a deep-learning question. ", a({href: "docs"}, "API"))),
    div({class: "columns"},
      aside(null, h(Picker, {
        index,
        onEndpoint: (endpoint) => open({endpoint, request: null}),
        onExample: async ({name, endpoint}) => open({endpoint, request: await load(`examples/${name}.json`)}),
      })),
      section({class: "question", "aria-label": "Question"},
        h2(null, code(null, question.endpoint)),
        isFormReady && p({class: "hint"}, form.summary),
        h(Choices, {question, onQuestion: setQuestion}),
        button({type: "button", "aria-pressed": isJson, onClick: () => setIsJson(!isJson)}, isJson ? "As a form" : "As JSON"),
        isJson
          ? h(JsonEditor, {value: question.request, onChange: change, name: "request"})
          : isFormReady && h(Form, {key: question.endpoint, form, request: question.request, onChange: change, problem: result?.problem}),
        h(Snippets, {question})),
      main({id: "answer"},
        div({class: "tools"},
          result?.document && !result.problem && h(ValuePicker, {document: result.document, onEntry: setEntry}),
          button({type: "button", disabled: !result?.document || Boolean(result.problem), onClick: () => setKept(result.document.cloneNode(true))}, "Keep for comparison"),
          kept && button({type: "button", onClick: () => setKept(null)}, "Drop the kept one"),
          result?.milliseconds !== undefined && span({class: "hint", id: "time"}, `${Math.round(result.milliseconds)} ms`)),
        entry && h(Entry, {key: JSON.stringify(entry), question, entry, onQuestion: setQuestion, onClose: () => setEntry(null)}),
        result?.problem && h(Problem, {problem: result.problem}),
        div({class: `${kept ? "pair" : ""} ${result?.problem ? "stale" : ""}`},
          kept && h(Document, {document: kept, label: "Kept"}),
          result?.document && h(Document, {document: result.document, other: kept, label: "Answer", onEntry: setEntry})))),
  ];
}

/** What else can be asked of the same question. */
function Choices({question, onQuestion}) {
  const {endpoint, request} = question;
  const arithmetic = (event) => onQuestion({endpoint, request: {...request, arithmetic: event.target.value}});
  const grade = async () => {
    const {values, steps} = await askJson(question);
    const name = "output" in values ? "output" : steps.map((step) => step.name).filter((one) => one in values).at(-1);
    onQuestion({endpoint: "grade", request: {question: {operation: endpoint, ...request}, answer: {[name]: values[name]}, feedback: "full"}});
  };
  const compare = () => onQuestion({endpoint: "compare", request: {operation: endpoint, ...request, changes: firstTensor(request)}});
  const canExplain = !ABOUT_OTHERS.has(endpoint) && !endpoint.startsWith("optimizer/");
  return div({class: "tools"},
    canExplain && tags.label(null, "arithmetic ",
      select({value: request.arithmetic ?? "float64", onChange: arithmetic},
        ["float64", "float32", "exact"].map((name) => option({key: name, value: name}, name)))),
    canExplain && button({type: "button", onClick: grade}, "Grade an answer"),
    canExplain && endpoint !== "graph" && button({type: "button", onClick: compare}, "Compare with a change"));
}

function firstTensor(request) {
  return Object.fromEntries(Object.entries(request).filter(([, value]) => Array.isArray(value) && shapeOf(value)).slice(0, 1));
}

/** A document of the service. Its values and gradients can be chosen. */
function Document({document, other, label, onEntry}) {
  const place = useRef(null);
  useEffect(() => {
    const shown = place.current.firstElementChild;
    if (shown) updateNode(shown, document);
    else place.current.append(document.cloneNode(true));
    if (other) markChanges(place.current, other);
  }, [document, other]);
  const click = (event) => {
    const found = onEntry && findEntry(event.target);
    if (found) onEntry(found);
  };
  return article({ref: place, "aria-label": label, onClick: click});
}

/** The values and gradients of a document, to be chosen by keyboard. */
function ValuePicker({document, onEntry}) {
  const parts = listParts(document);
  return tags.label(null, "Look into ",
    select({value: "", onChange: (event) => event.target.value && onEntry({...parts[event.target.value], index: null})},
      option({value: ""}, "a value …"),
      parts.map(({kind, name}, place) => option({key: `${kind} ${name}`, value: place}, `${kind} ${name}`))));
}

/** One value or gradient: the contributions to it, and another value in its place. */
function Entry({question, entry, onQuestion, onClose}) {
  const {kind, name, index} = entry;
  const [answer, setAnswer] = useState(null);
  const [tensor, setTensor] = useState(null);
  useEffect(() => {
    askJson(question).then((found) => {
      setAnswer(found);
      setTensor((kind === "gradient" ? found.gradients : found.values)?.[name]);
    }, (error) => setAnswer({error: error.message}));
  }, []);
  const {endpoint, request} = question;
  const put = (fields) => {
    onQuestion({endpoint, request: {...request, ...fields}});
    onClose();
  };
  const substitutes = (request.substitute ?? []).filter((one) => one.name !== name);
  const shown = index && tensor !== null && tensor !== undefined ? `[${index.join(", ")}] = ${entryAt(tensor, index)}` : "";
  return section({class: "entry", "aria-label": `${kind} ${name}`},
    h2(null, `${kind} `, code(null, `${name}${shown}`)),
    answer?.error && p({class: "wrong"}, answer.error),
    answer && kind === "gradient" && listContributions(answer.contributions?.[name] ?? {}, index),
    tensor !== null && tensor !== undefined && [
      p({class: "hint"}, "Another value in its place:"),
      h(TensorEditor, {value: tensor, onChange: setTensor, name, focus: index}),
      div({class: "tools"},
        kind === "value" && button({type: "button", onClick: () => put({given: {...request.given, [name]: tensor}})}, "Take it as given"),
        button({type: "button", onClick: () => put({substitute: [...substitutes, {name, [kind]: tensor}]})}, "Put it in place and go on"),
        button({type: "button", onClick: onClose}, "Close")),
    ]);
}

function listContributions(contributions, index) {
  const items = Object.entries(contributions);
  if (!items.length) return p(null, "It comes along one path.");
  return ul(null, items.map(([consumer, tensor]) => li({key: consumer},
    "through ", code(null, consumer), index && `: ${entryAt(tensor, index)}`)));
}

function Problem({problem}) {
  return div({class: "wrong", role: "alert"},
    p(null, tags.strong(null, problem.title), !problem.errors.length && ` ${problem.detail}`),
    ul(null, problem.errors.map(({pointer, message}) => li({key: pointer + message}, code(null, pointer), ` ${message}`))));
}

function Snippets({question}) {
  const [done, setDone] = useState("");
  const snippets = writeSnippets(document.baseURI.replace(/#.*/, ""), question);
  return details(null, summary(null, "As code"),
    Object.entries(snippets).map(([language, text]) => div({key: language},
      div({class: "head"}, span(null, language), button({
        type: "button", "aria-label": `copy ${language}`,
        onClick: () => navigator.clipboard.writeText(text).then(() => setDone(language)),
      }, done === language ? "Copied" : "Copy")),
      pre(null, text))));
}

render(h(Explorer), document.getElementById("explorer"));
