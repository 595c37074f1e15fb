// Ask the service, and take its documents into the page.

import {fetchWithKey} from "./key.js";

/** Return the answer to a question as a document: {document, time}, or {problem} if it is refused. */
export async function askDocument({endpoint, request}, signal) {
  const began = performance.now();
  const response = await post(`v1/${endpoint}?format=html`, request, signal);
  if (!response.ok) return {problem: await readProblem(response)};
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const main = document.adoptNode(page.querySelector("main"));
  const worked = document.createElement("div"); // a page has one main part, and this page has its own
  worked.className = main.className;
  worked.append(...main.childNodes);
  foldQuestion(worked);
  return {document: worked, milliseconds: performance.now() - began};
}

/** Fold the question that a document restates, since the form beside it shows the same. */
function foldQuestion(worked) {
  const section = worked.querySelector("section");
  const heading = section?.querySelector("h2");
  if (heading?.textContent !== "Question") return;
  const folded = document.createElement("details");
  const summary = document.createElement("summary");
  summary.append(heading);
  folded.append(summary, ...section.childNodes);
  section.replaceWith(folded);
}

/** Return the answer to a question as JSON. Throws an Error if it is refused. */
export async function askJson({endpoint, request}) {
  const response = await post(`v1/${endpoint}?format=json`, request);
  if (!response.ok) throw new Error((await readProblem(response)).detail);
  return response.json();
}

/** Return the contents of a file of the explorer. */
export async function load(path) {
  const response = await fetch(`explorer/${path}`);
  if (!response.ok) throw new Error(`${path}: status ${response.status}`);
  return response.json();
}

function post(path, request, signal) {
  return fetchWithKey(path, {
    method: "POST",
    headers: {"content-type": "application/json"},
    body: JSON.stringify(request),
    signal,
  });
}

async function readProblem(response) {
  try {
    const problem = await response.json();
    return {title: "", detail: "", errors: [], ...problem};
  } catch {
    return {title: `Status ${response.status}`, detail: "The answer cannot be read.", errors: []};
  }
}

/** Make a node like another, and keep every part that is alike already, with its place and what is unfolded. */
export function updateNode(shown, next) {
  if (shown.isEqualNode(next)) return;
  if (shown.nodeName !== next.nodeName || shown.childNodes.length !== next.childNodes.length) {
    shown.replaceWith(next.cloneNode(true));
    return;
  }
  if (shown.nodeType === Node.TEXT_NODE) shown.data = next.data;
  if (shown.nodeType !== Node.ELEMENT_NODE) return;
  for (const {name} of [...shown.attributes]) {
    if (!next.hasAttribute(name) && name !== "open") shown.removeAttribute(name);
  }
  for (const {name, value} of next.attributes) {
    if (shown.getAttribute(name) !== value) shown.setAttribute(name, value);
  }
  [...shown.childNodes].forEach((child, place) => updateNode(child, next.childNodes[place]));
}

const SHOWN = "[data-value], [data-gradient]"; // elements that show a value or a gradient

/** Return the part of an answer that an element shows: {kind, name}. */
function partOf({dataset}) {
  return dataset.value === undefined ? {kind: "gradient", name: dataset.gradient} : {kind: "value", name: dataset.value};
}

/** Return the values and gradients that a document shows, each once. */
export function listParts(worked) {
  const parts = [...worked.querySelectorAll(SHOWN)].map(partOf);
  return [...new Map(parts.map((part) => [`${part.kind} ${part.name}`, part])).values()];
}

/** Return the entry that an element of a document shows: {kind, name, index}, or null. */
export function findEntry(element) {
  const shown = element.closest(SHOWN);
  if (!shown) return null;
  if (shown.tagName !== "TABLE") return {...partOf(shown), index: []};
  const cell = element.closest("td");
  if (!cell || !shown.tBodies[0].contains(cell)) return null;
  const {at, vector} = shown.dataset;
  const row = cell.parentElement.sectionRowIndex;
  const column = cell.cellIndex - cell.parentElement.querySelectorAll("th").length;
  const index = vector === undefined ? [row, column] : [column];
  return {...partOf(shown), index: [...(at ? at.split(" ").map(Number) : []), ...index]};
}

/** Mark the entries of a document whose text differs from that of the same entries in another. */
export function markChanges(worked, other) {
  const key = (shown) => `${JSON.stringify(partOf(shown))} ${shown.dataset.at ?? ""}`;
  const list = (shown) => (shown.tagName === "TABLE" ? [...shown.querySelectorAll("tbody td")] : [shown]);
  const before = new Map([...other.querySelectorAll(SHOWN)].map((shown) => [key(shown), list(shown)]));
  for (const shown of worked.querySelectorAll(SHOWN)) {
    const cells = before.get(key(shown));
    list(shown).forEach((cell, place) => {
      cell.classList.toggle("changed", cells !== undefined && cells[place]?.textContent !== cell.textContent);
    });
  }
}
