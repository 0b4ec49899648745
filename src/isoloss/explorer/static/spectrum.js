// Any spectrum: a table of directions to edit, and presets.
/* global d3 */
import { Comparing } from "./comparing.js";
import { element } from "./tab.js";

const COLUMNS = { train: "train eigenvalue", test: "test eigenvalue", start: "start residual" };
const NAMES = Object.keys(COLUMNS);
const MOST = 200; // directions

export class Spectrum extends Comparing {
  constructor(name, changed) {
    super(name, changed);
    this.table = document.querySelector("#directions tbody");
    this.table.addEventListener("input", () => this.readTable());
    // an unreadable number counts as empty, and is reported on leaving the field
    this.table.addEventListener("change", (event) => event.target.value || this.readTable());
    document.getElementById("add-direction").addEventListener("click", () => {
      this.fillTable([...this.directions(), ["1", "1", "1"]]);
      this.table.lastElementChild.querySelector("input").focus();
      this.readTable();
    });
    const preset = document.getElementById("preset");
    const size = document.getElementById("preset-size");
    const choose = () => {
      if (!preset.value) return;
      this.fillTable(
        spectrumOf(preset.value, Math.min(MOST, Math.max(2, Math.round(size.value) || 2))),
      );
      this.readTable();
    };
    preset.addEventListener("change", choose);
    size.addEventListener("change", choose);
  }

  directions() {
    return [...this.table.children].map((row) =>
      [...row.querySelectorAll("input")].map((input) => input.value),
    );
  }

  // Rows stay in place, so that neither a click nor the focus is lost.
  fillTable(directions) {
    while (this.table.children.length > directions.length) this.table.lastElementChild.remove();
    while (this.table.children.length < directions.length) this.addDirection();
    directions.forEach((values, i) => {
      this.table.children[i].querySelectorAll("input").forEach((input, k) => {
        if (input !== document.activeElement) input.value = values[k] ?? "";
      });
    });
    for (const button of this.table.querySelectorAll("button"))
      button.disabled = directions.length === 1;
    document.getElementById("add-direction").disabled = directions.length >= MOST;
  }

  addDirection() {
    const number = this.table.children.length + 1;
    const cells = NAMES.map((name) => {
      const label = `${COLUMNS[name]} ${number}`;
      const input = element("input", { type: "number", step: "any", "aria-label": label });
      return element("td", {}, input);
    });
    const label = `remove direction ${number}`;
    const remove = element("button", { type: "button", "aria-label": label }, "×");
    const row = element("tr", {}, ...cells, element("td", {}, remove));
    remove.addEventListener("click", () => {
      const at = [...this.table.children].indexOf(row);
      this.fillTable(this.directions().toSpliced(at, 1));
      const next = this.table.children[Math.min(at, this.table.children.length - 1)];
      (next.querySelector("button:enabled") ?? next.querySelector("input")).focus();
      this.readTable();
    });
    this.table.append(row);
  }

  readTable() {
    const rows = this.directions();
    this.set(Object.fromEntries(NAMES.map((name, k) => [name, rows.map((r) => r[k]).join(",")])));
  }

  place(name) {
    const [field, number] = name.split(".");
    if (!NAMES.includes(field)) return super.place(name);
    const box = this.form.querySelector(`[data-field="${field}"]`);
    const row = this.table.children[number];
    const inputs = row ? [row.querySelectorAll("input")[NAMES.indexOf(field)]] : [];
    return { box, inputs, prefix: row ? `Row ${Number(number) + 1}: ` : "" };
  }

  fill({ state }) {
    super.fill({ state });
    this.put("noise", state.noise);
    const faulty = NAMES.some((name) => this.isFaulty(name));
    if (faulty && this.view) return;
    const columns = NAMES.map((name) =>
      faulty ? (this.query.get(name)?.split(",") ?? state[name]) : state[name],
    );
    const most = Math.max(...columns.map((column) => column.length));
    this.fillTable(d3.range(Math.min(most, MOST)).map((i) => columns.map((column) => column[i])));
  }
}

function spectrumOf(kind, size) {
  const [train, test] = {
    power: [(i) => i ** -1.5, (i) => i ** -0.5],
    two: [(i) => (i <= Math.ceil(size / 2) ? 1 : 0.1), () => 1],
    spiked: [(i) => (i === 1 ? 1 : 0.1), () => 1],
  }[kind];
  const rounded = (value) => Number(value.toPrecision(4));
  return d3.range(1, size + 1).map((i) => [rounded(train(i)), rounded(test(i)), 1]);
}
