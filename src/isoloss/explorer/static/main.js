// Tabs, colours, and the address: it holds the whole state, so a link shows what its sender saw.
import { Example } from "./example.js";
import { Rows } from "./rows.js";
import { Spectrum } from "./spectrum.js";

const makers = { example: Example, spectrum: Spectrum, data: Rows };
const tabs = {};
let current;

function show(name) {
  current = name;
  for (const other of Object.keys(makers)) {
    const chosen = other === name;
    const button = document.getElementById(`tab-${other}`);
    button.setAttribute("aria-selected", chosen);
    button.tabIndex = chosen ? 0 : -1;
    document.getElementById(other).hidden = !chosen;
  }
  tabs[name] ??= new makers[name](name, (query) => {
    if (current === name) writeAddress(query);
  });
}

function writeAddress(query) {
  const all = new URLSearchParams({ tab: current });
  for (const [key, value] of query) all.append(key, value);
  // commas and blanks are allowed in an address, and easier to read
  history.replaceState(null, "", `?${all.toString().replaceAll("%2C", ",")}`);
}

function readAddress() {
  const query = new URLSearchParams(location.search);
  const name = Object.hasOwn(makers, query.get("tab") ?? "") ? query.get("tab") : "example";
  query.delete("tab");
  show(name);
  tabs[name].load(query);
}

const list = document.querySelector("[role=tablist]");
list.addEventListener("click", (event) => {
  const button = event.target.closest("[role=tab]");
  if (!button) return;
  const name = button.id.slice("tab-".length);
  const fresh = !tabs[name];
  show(name);
  if (fresh) tabs[name].load(new URLSearchParams());
  else writeAddress(tabs[name].query);
});
list.addEventListener("keydown", (event) => {
  const names = Object.keys(makers);
  const last = names.length - 1;
  const at = names.indexOf(current);
  const next = {
    ArrowRight: names[at === last ? 0 : at + 1],
    ArrowLeft: names.at(at - 1),
    Home: names[0],
    End: names[last],
  }[event.key];
  if (!next) return;
  event.preventDefault();
  const button = document.getElementById(`tab-${next}`);
  button.click();
  button.focus();
});

const theme = document.getElementById("theme");
function paint() {
  if (theme.value) document.documentElement.dataset.theme = theme.value;
  else delete document.documentElement.dataset.theme;
}
theme.addEventListener("change", () => {
  paint();
  remember((storage) => storage.setItem("isoloss-theme", theme.value));
});
remember((storage) => {
  theme.value = storage.getItem("isoloss-theme") ?? "";
});
paint();

// A browser that stores nothing for this page throws when storage is accessed.
function remember(use) {
  try {
    use(localStorage);
  } catch {
    // the choice then lasts as long as the page is open
  }
}

window.addEventListener("popstate", readAddress);
readAddress();
