// Ask the service, and take its documents into the page.

/** Return the answer to a question as a document: {document, time}, or {problem} if it is refused. */
export async function askDocument({endpoint, request}, signal) {
  const began = performance.now();
  const response = await post(`v1/${endpoint}?format=html`, request, signal);
  if (!response.ok) return {problem: await readProblem(response)};
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const worked = document.importNode(page.querySelector("main"), true);
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
  return fetch(path, {
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

/** Return the entry that an element of a document shows: {kind, name, index}, or null. */
export function findEntry(element) {
  const shown = element.closest("[data-name]");
  if (!shown) return null;
  const {kind, name, at, vector} = shown.dataset;
  if (shown.tagName !== "TABLE") return {kind, name, index: []};
  const cell = element.closest("td");
  if (!cell || !shown.tBodies[0].contains(cell)) return null;
  const row = cell.parentElement.sectionRowIndex;
  const column = cell.cellIndex - cell.parentElement.querySelectorAll("th").length;
  const index = vector === undefined ? [row, column] : [column];
  return {kind, name, index: [...(at ? at.split(" ").map(Number) : []), ...index]};
}

/** Mark the entries of a document whose text differs from that of the same entries in another. */
export function markChanges(document, other) {
  const key = ({dataset}) => `${dataset.kind} ${dataset.name} ${dataset.at ?? ""}`;
  const list = (shown) => (shown.tagName === "TABLE" ? [...shown.querySelectorAll("tbody td")] : [shown]);
  const before = new Map([...other.querySelectorAll("[data-name]")].map((shown) => [key(shown), list(shown)]));
  for (const shown of document.querySelectorAll("[data-name]")) {
    const cells = before.get(key(shown));
    list(shown).forEach((cell, place) => {
      cell.classList.toggle("changed", cells !== undefined && cells[place]?.textContent !== cell.textContent);
    });
  }
}
