// A question in the address: JSON, compressed, in the letters of base64url.

/** Return the fragment of the address that holds a question. */
export async function writeAddress(question) {
  const bytes = await pipe(new TextEncoder().encode(JSON.stringify(question)), new CompressionStream("deflate-raw"));
  let letters = "";
  for (const byte of bytes) letters += String.fromCharCode(byte);
  return `#${btoa(letters).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "")}`;
}

/** Return the question in a fragment, or null if it holds none: `#self_attention` alone names an endpoint. */
export async function readAddress(fragment) {
  const text = fragment.replace(/^#/, "");
  if (!text) return null;
  try {
    const letters = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
    const bytes = Uint8Array.from(letters, (letter) => letter.charCodeAt(0));
    const json = new TextDecoder().decode(await pipe(bytes, new DecompressionStream("deflate-raw")));
    const {endpoint, request} = JSON.parse(json);
    if (typeof endpoint === "string" && request !== null && typeof request === "object") return {endpoint, request};
  } catch { /* It is no question. */ }
  return /^[a-z_0-9/]+$/.test(text) ? {endpoint: text, request: null} : null;
}

async function pipe(bytes, stream) {
  return new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(stream)).arrayBuffer());
}
