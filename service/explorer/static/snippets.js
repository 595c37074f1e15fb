// A question as code that asks it.

/** Return the code that asks a question, by the name of the language. base: the address of the service. */
export function writeSnippets(base, {endpoint, request}) {
  const url = new URL(`v1/${endpoint}`, base).href;
  const json = JSON.stringify(request);
  return {
    curl: `curl -s ${quote(url)} -H 'content-type: application/json' -d ${quote(json)}`,
    Python: [
      "import httpx",
      "",
      `answer = httpx.post(${JSON.stringify(url)}, json=${writePython(request)}).json()`,
    ].join("\n"),
    JavaScript: [
      `const response = await fetch(${JSON.stringify(url)}, {`,
      "  method: \"POST\",",
      "  headers: {\"content-type\": \"application/json\"},",
      `  body: JSON.stringify(${json}),`,
      "});",
      "const answer = await response.json();",
    ].join("\n"),
  };
}

function quote(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function writePython(value) {
  if (value === null) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (Array.isArray(value)) return `[${value.map(writePython).join(", ")}]`;
  if (typeof value === "object") {
    const items = Object.entries(value).map(([name, item]) => `${JSON.stringify(name)}: ${writePython(item)}`);
    return `{${items.join(", ")}}`;
  }
  return JSON.stringify(value);
}
