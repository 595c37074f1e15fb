// The answer to a question, asked again at every change, and what can be done with its values.
import {askDocument, askJson, findEntry, listParts, markChanges, updateNode} from "./documents.js";
import {TensorEditor} from "./editors.js";
import {tags} from "./tags.js";
import {entryAt} from "./tensors.js";
import {useEffect, useLayoutEffect, useRef, useState} from "./vendor/hooks.js";
import {h} from "./vendor/preact.js";

const {article, button, code, div, h2, li, main, option, p, section, select, span, ul} = tags;

/** The answer to a question. A problem is told to onProblem too, or null, for its form shows it at the fields. */
export function Answer({question, kept, onKeep, onQuestion, onProblem}) {
  const [result, setResult] = useState(null);
  const [entry, setEntry] = useState(null);
  const asking = useRef(null);

  const show = (answer) => {
    setResult(answer);
    onProblem(null);
  };
  // The last answer stays beside the problem, so that nothing jumps while a number is typed.
  const refuse = (problem) => {
    setResult((last) => ({document: last?.document, problem}));
    onProblem(problem);
  };

  // Effects of the layout run at once; others wait for a frame, which a slider would have to wait for.
  useLayoutEffect(() => {
    const controller = new AbortController();
    const run = async () => {
      // One question at a time: while an answer is under way, only the last change waits for it.
      await asking.current;
      if (controller.signal.aborted) return;
      asking.current = askDocument(question, controller.signal)
        .then(({problem, ...answer}) => (problem ? refuse(problem) : show(answer)))
        .catch((error) => error.name !== "AbortError" && refuse({title: "No answer", detail: error.message, errors: []}));
    };
    run();
    return () => controller.abort();
  }, [question]);

  return main({id: "answer"},
    div({class: "tools"},
      result?.document && !result.problem && h(ValuePicker, {document: result.document, onEntry: setEntry}),
      button({type: "button", disabled: !result?.document || Boolean(result.problem), onClick: () => onKeep(result.document.cloneNode(true))}, "Keep for comparison"),
      kept && button({type: "button", onClick: () => onKeep(null)}, "Drop the kept one"),
      result?.milliseconds !== undefined && span({class: "hint", id: "time"}, `${Math.round(result.milliseconds)} ms`)),
    entry && h(Entry, {key: JSON.stringify(entry), question, entry, onQuestion, onClose: () => setEntry(null)}),
    result?.problem && h(Problem, {problem: result.problem}),
    div({class: `${kept ? "pair" : ""} ${result?.problem ? "stale" : ""}`},
      kept && h(Document, {document: kept, label: "Kept"}),
      result?.document && h(Document, {document: result.document, other: kept, label: "Answer", onEntry: setEntry})));
}

/** A document of the service. Its values and gradients can be chosen. */
function Document({document, other, label, onEntry}) {
  const place = useRef(null);
  useLayoutEffect(() => {
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
