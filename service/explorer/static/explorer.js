// The explorer: a question, its form, and the answer beside it.
import {readAddress, writeAddress} from "./address.js";
import {Answer} from "./answer.js";
import {askJson, load} from "./documents.js";
import {JsonEditor} from "./editors.js";
import {Form} from "./form.js";
import {Picker} from "./picker.js";
import {writeSnippets} from "./snippets.js";
import {tags} from "./tags.js";
import {shapeOf} from "./tensors.js";
import {useEffect, useState} from "./vendor/hooks.js";
import {h, render} from "./vendor/preact.js";

const {a, aside, button, code, details, div, h1, h2, header, option, p, pre, section, select, span, summary} = tags;
const FIRST = "self_attention";
const REST = 100; // milliseconds without a change until the address is written: browsers refuse many at once
const ABOUT_OTHERS = new Set(["compare", "cost", "grade", "grade/check", "variants"]); // their requests hold a question

let loadedIndex = null;
const loadIndex = () => (loadedIndex ??= load("index.json"));

function Explorer() {
  const [index, setIndex] = useState(null);
  const [question, setQuestion] = useState(null);
  const [form, setForm] = useState(null);
  const [opened, setOpened] = useState(0); // the number of questions that were opened
  const [problem, setProblem] = useState(null);
  const [kept, setKept] = useState(null);
  const [isJson, setIsJson] = useState(false);

  const open = async (next) => {
    const {examples} = await loadIndex();
    const example = examples.find(({endpoint}) => endpoint === next.endpoint);
    const request = next.request ?? (example ? await load(`examples/${example.name}.json`) : {});
    setOpened((number) => number + 1);
    setProblem(null);
    setQuestion({endpoint: next.endpoint, request});
  };
  const openAddress = async () => open(await readAddress(location.hash) ?? {endpoint: FIRST, request: null});

  useEffect(() => {
    loadIndex().then(setIndex);
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

  useEffect(() => {
    if (!question) return undefined;
    const before = location.hash;
    let isLast = true;
    const timer = setTimeout(async () => {
      const fragment = await writeAddress(question);
      if (isLast && location.hash === before) history.replaceState(null, "", fragment); // no link was followed
    }, REST);
    return () => {
      isLast = false;
      clearTimeout(timer);
    };
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
          : isFormReady && h(Form, {key: question.endpoint, form, request: question.request, onChange: change, problem}),
        h(Snippets, {question})),
      h(Answer, {key: opened, question, kept, onKeep: setKept, onQuestion: setQuestion, onProblem: setProblem})),
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
