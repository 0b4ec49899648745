// Any spectrum: a table of directions to edit, and presets.
/* global d3 */
import { Comparing } from "./comparing.js";
import { element } from "./tab.js";

export class Spectrum extends Comparing {
  constructor(name, changed) {
    super(name, changed);
    this.table = document.querySelector("#directions tbody");
    this.table.addEventListener("input", () => this.readTable());
    document.getElementById("add-direction").addEventListener("click", () => {
      this.addDirection([1, 1, 1]);
      this.readTable();
      this.table.lastElementChild.querySelector("input").focus();
    });
    const preset = document.getElementById("preset");
    const size = document.getElementById("preset-size");
    const choose = () => {
      if (!preset.value) return;
      this.fillTable(
        spectrumOf(preset.value, Math.min(200, Math.max(2, Math.round(size.value) || 2))),
      );
      this.readTable();
    };
    preset.addEventListener("change", choose);
    size.addEventListener("change", choose);
  }

  fillTable({ train, test, start }) {
    this.table.replaceChildren();
    train.forEach((gamma, i) => this.addDirection([gamma, test[i], start[i]]));
  }

  addDirection(values) {
    const number = this.table.children.length + 1;
    const names = ["train eigenvalue", "test eigenvalue", "start residual"];
    const remove = element(
      "button",
      { type: "button", "aria-label": `remove direction ${number}` },
      "×",
    );
    const row = element(
      "tr",
      {},
      ...values.map((value, i) => {
        const input = element("input", {
          type: "number",
          step: "any",
          "aria-label": `${names[i]} ${number}`,
        });
        input.value = value;
        return element("td", {}, input);
      }),
      element("td", {}, remove),
    );
    remove.addEventListener("click", () => {
      if (this.table.children.length === 1) return;
      row.remove();
      this.readTable();
    });
    this.table.append(row);
  }

  readTable() {
    const rows = [...this.table.children].map((row) =>
      [...row.querySelectorAll("input")].map((input) => input.value),
    );
    const column = (i) => rows.map((row) => row[i]).join(",");
    this.set({ train: column(0), test: column(1), start: column(2) });
  }

  fill(state) {
    super.fill(state);
    this.put("noise", state.noise);
    if (this.table.contains(document.activeElement) && document.activeElement.matches("input"))
      return;
    this.fillTable(state);
  }
}

function spectrumOf(kind, size) {
  const all = d3.range(1, size + 1);
  const rounded = (values) => values.map((v) => Number(v.toPrecision(4)));
  const half = Math.ceil(size / 2);
  const train = {
    power: all.map((i) => i ** -1.5),
    two: all.map((i) => (i <= half ? 1 : 0.1)),
    spiked: all.map((i) => (i === 1 ? 1 : 0.1)),
  }[kind];
  const test = {
    power: all.map((i) => i ** -0.5),
    two: all.map(() => 1),
    spiked: all.map(() => 1),
  }[kind];
  return { train: rounded(train), test: rounded(test), start: all.map(() => 1) };
}
