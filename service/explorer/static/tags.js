// Elements as functions: tags.p({class: "hint"}, "text"). Text is never read as markup.
import {h} from "./vendor/preact.js";

export const tags = new Proxy({}, {
  get: (_, name) => (attributes, ...children) => h(name, attributes, ...children),
});
