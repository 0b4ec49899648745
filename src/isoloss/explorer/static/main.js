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
  tabs[name].shown();
}

function writeAddress(query) {
  const all = new URLSearchParams({ tab: current });
  for (const [key, value] of query) all.append(key, value);
  // commas and blanks may stand in an address as they are, and read better so
  history.replaceState(null, "", `?${all.toString().replaceAll("%2C", ",")}`);
}

function readAddress() {
  const query = new URLSearchParams(location.search);
  const name = makers[query.get("tab")] ? query.get("tab") : "example";
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
  const move = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!move) return;
  const next = names[(names.indexOf(current) + move + names.length) % names.length];
  const button = document.getElementById(`tab-${next}`);
  button.click();
  button.focus();
});

const theme = document.getElementById("theme");
theme.value = localStorage.getItem("isoloss-theme") ?? "";
function paint() {
  if (theme.value) document.documentElement.dataset.theme = theme.value;
  else delete document.documentElement.dataset.theme;
  localStorage.setItem("isoloss-theme", theme.value);
}
theme.addEventListener("change", paint);
paint();

window.addEventListener("popstate", readAddress);
readAddress();
