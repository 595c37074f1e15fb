// The API key, where the service asks for one: kept for this tab, and asked for when a request is refused without it.

const NAME = "workings-key";
let asking = null;
let declined = false;

/** Send a request with the key. If the service wants another one, ask for it and send again. */
export async function fetchWithKey(path, options) {
  for (;;) {
    const key = sessionStorage.getItem(NAME);
    const headers = key ? {...options.headers, authorization: `Bearer ${key}`} : options.headers;
    const response = await fetch(path, {...options, headers});
    if (response.status !== 401 || declined) return response;
    asking ??= ask(key !== null).finally(() => { asking = null; });
    if (!await asking) return response;
  }
}

/** Ask for a key; return whether one was given. */
function ask(isWrong) {
  const dialog = document.createElement("dialog");
  dialog.setAttribute("aria-label", "API key");
  dialog.innerHTML = `<form method="dialog"><p></p><label>API key
    <input name="key" type="password" autocomplete="off" required></label>
    <button value="send">Use it</button> <button value="" formnovalidate>Not now</button></form>`;
  dialog.querySelector("p").textContent = isWrong
    ? "This service does not know that key."
    : "This service asks for an API key. Whoever runs it, or your course, has one.";
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      const key = dialog.returnValue === "send" ? dialog.querySelector("input").value.trim() : "";
      dialog.remove();
      declined = !key;
      if (key) sessionStorage.setItem(NAME, key);
      resolve(Boolean(key));
    });
  });
}
