// Compare schedules side by side, for both the spectrum and the data tab.
/* global d3 */
import { Chart, DASHES, MARKS, legend } from "./chart.js";
import { Tab, element, short } from "./tab.js";

const SHOWN = 300; // per cent of difference that the chart shows at most
const MOST = 8; // schedules
const WAIT = 350; // milliseconds after the last key before a text is read

export class Comparing extends Tab {
  constructor(name, changed) {
    const section = document.getElementById(name);
    for (const kind of ["schedules", "levels"]) {
      section
        .querySelector(`.${kind}`)
        .append(document.getElementById(`${kind}-template`).content.cloneNode(true));
    }
    section
      .querySelector(".output")
      .append(document.getElementById("comparison-template").content.cloneNode(true));
    for (const [i, label] of section.querySelectorAll(".levels label").entries()) {
      const input = label.parentElement.querySelector("input");
      input.id = `${name}-${i ? "at" : "levels"}`;
      label.htmlFor = input.id;
    }
    super(name, changed);
    const find = (selector) => section.querySelector(selector);
    const loss = "train loss above its minimum";
    this.losses = new Chart(find(".losses"), {
      x: { label: loss, log: true },
      y: { label: "test loss", log: true },
      height: 320,
      label: "test loss against train loss",
    });
    this.differences = new Chart(find(".differences"), {
      x: { label: loss, log: true },
      y: { label: "difference, %" },
      height: 320,
      label: "difference to gradient flow",
    });
    this.filters = new Chart(find(".filters"), {
      x: { label: "train curvature γ", log: true },
      y: { label: "filter h(γ)" },
      height: 260,
      label: "filters of the schedules",
    });
    this.rows = find(".rows");
    this.add = find(".add");
    this.add.addEventListener("click", () => {
      this.fillSchedules([...this.texts(), ""]);
      this.rows.lastElementChild.querySelector("input").focus();
    });
  }

  // The schedules except gradient flow, which the first row stands for.
  texts() {
    return [...this.rows.querySelectorAll("input:enabled")].map((input) => input.value.trim());
  }

  // Rows stay in place, so that neither a click nor the focus is lost.
  fillSchedules(texts) {
    if (!this.rows.children.length) this.addFlow();
    while (this.rows.children.length - 1 > texts.length) this.rows.lastElementChild.remove();
    while (this.rows.children.length - 1 < texts.length) this.addSchedule();
    texts.forEach((text, i) => {
      const input = this.rows.children[i + 1].querySelector("input");
      if (input !== document.activeElement) input.value = text;
    });
    this.add.disabled = texts.length + 1 >= MOST;
  }

  addFlow() {
    const input = element("input", { type: "text", "aria-label": "schedule 1", disabled: "" });
    input.value = "flow";
    const text = element("span", { class: "hint" }, "reference");
    this.rows.append(element("div", {}, element("span", {}, "1"), input, text));
  }

  addSchedule() {
    const number = this.rows.children.length + 1;
    const label = `schedule ${number}`;
    const input = element("input", { type: "text", spellcheck: "false", "aria-label": label });
    const remove = element("button", { type: "button", "aria-label": `remove ${label}` }, "×");
    const row = element("div", {}, element("span", {}, `${number}`), input, remove);
    let waiting;
    const read = () => {
      clearTimeout(waiting);
      if (input.value.trim()) this.readSchedules();
    };
    input.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(read, WAIT);
    });
    input.addEventListener("change", read);
    remove.addEventListener("click", () => {
      clearTimeout(waiting);
      const at = [...this.rows.children].indexOf(row);
      this.fillSchedules(this.texts().toSpliced(at - 1, 1));
      (this.rows.children[at]?.querySelector("button") ?? this.add).focus();
      this.readSchedules();
    });
    this.rows.append(row);
  }

  readSchedules() {
    const texts = this.texts();
    this.sent = texts.flatMap((text, i) => (text ? [i + 1] : []));
    const kept = texts.filter((text) => text);
    this.set({ schedule: kept.length ? kept : ["flow"] });
  }

  place(name) {
    const [field, number] = name.split(".");
    if (field !== "schedule" || number === undefined) return super.place(name);
    const row = this.rows.children[this.sent?.[number] ?? Number(number) + 1];
    return row ? { box: row, inputs: [row.querySelector("input")] } : super.place(field);
  }

  fill({ state }) {
    this.put("levels", state.levels);
    this.place("at").box.querySelector("input[type=range]").max = state.levels;
    this.put("at", state.at);
    if (!this.isFaulty("schedule")) {
      this.fillSchedules(state.schedules.slice(1));
      this.sent = undefined;
    } else if (!this.view) {
      // show the text in the address even if it is wrong
      this.fillSchedules(this.query.getAll("schedule"));
    }
  }

  draw() {
    const { view } = this;
    const style = (i) => ({ colour: `var(--c${i % 8})`, dash: DASHES[i % 8], mark: MARKS[i % 8] });
    const above = (loss) => (loss - view.floor > 0 ? loss - view.floor : null);
    const grey = { colour: "var(--soft)", dash: "1 3" };
    const ridge = (y) => ({
      points: view.band.train_loss.map((t, i) => [above(t), y(i), i]),
      style: grey,
      tip: (p) =>
        `ridge: train ${short(view.band.train_loss[p[2]])}, test ${short(view.band.ridge[p[2]])}`,
    });
    const series = (kind, value) =>
      view.curves.map((curve, i) => {
        const tip = (p) => `${curve.name}: ${p[2]}train ${short(p[3])}, test ${short(p[4])}`;
        const { stops } = curve;
        return {
          points: curve.train_loss.map((t, k) => [
            above(t),
            value(curve[kind][k]),
            "",
            t,
            curve.test_loss[k],
          ]),
          marks: stops.train_loss.flatMap((t, k) =>
            stops.reached[k]
              ? [
                  [
                    above(t),
                    value(stops[kind][k]),
                    `step ${stops.steps[k]}, flow time ${short(stops.time[k], 3)}: `,
                    t,
                    stops.test_loss[k],
                  ],
                ]
              : [],
          ),
          style: style(i),
          tip,
        };
      });
    const shown = view.curves
      .flatMap((curve) => curve.test_loss)
      .concat(view.band.flow)
      .filter((v) => v > 0);
    const top = 1.6 * Math.min(Math.max(...shown), (1 + SHOWN / 100) * Math.max(...view.band.flow));
    const low = Math.min(...shown, ...view.band.lowest.filter((v) => v > 0));
    this.losses.update({
      series: [ridge((i) => view.band.ridge[i]), ...series("test_loss", (v) => v)],
      band: view.band.train_loss
        .map((t, i) => [above(t), view.band.lowest[i], view.band.highest[i]])
        .filter((p) => p[0] !== null && p[1] > 0),
      y: shown.length ? [0.95 * low, top] : undefined, // there is no scale if every test loss is 0
    });
    const percent = (ratio) => (ratio === null ? null : 100 * (ratio - 1));
    const differences = series("ratio", percent);
    const spread = differences
      .flatMap((one) => one.marks.map((p) => p[1]))
      .filter((v) => v !== null)
      .map((v) => Math.max(-100, Math.min(SHOWN, v)));
    const wide = [Math.min(-2, ...spread), Math.max(2, ...spread)].map((v) => 1.25 * v);
    const ends = d3.extent(view.band.train_loss, above);
    this.differences.update({
      series: [ridge((i) => percent(view.band.ridge[i] / view.band.flow[i])), ...differences],
      band: [
        [ends[0] / 2, -1, 1],
        [ends[1] * 2, -1, 1],
      ],
      y: wide,
    });
    this.drawFilters(style);
    legend(this.section.querySelector(".legend"), [
      ...view.curves.map((curve, i) => [style(i), curve.name]),
      [grey, "ridge"],
      [{ area: true }, "band of all parameters with that train loss"],
    ]);
    this.drawTexts();
  }

  drawFilters(style) {
    const { filters } = this.view;
    const cut = (v) => (v === null ? null : Math.max(-1e3, Math.min(1e3, v)));
    this.section.querySelector(".filter-title").textContent =
      `Filters h(γ) at the stop for train loss ${short(filters.train_loss)}` +
      (filters.is_filter.every(Boolean)
        ? ""
        : "; schedules with minibatches, or with weight decay from another start than 0, are no filters");
    const values = filters.curves.flat().filter((v) => v !== null);
    this.filters.update({
      series: filters.names.map((name, i) => ({
        points: filters.grid.map((g, k) => [g, cut(filters.curves[i][k])]),
        marks:
          filters.curvature.length <= 60
            ? filters.curvature.map((g, k) => [g, cut(filters.values[i][k])])
            : [],
        style: style(i),
        tip: (p) =>
          `${name}${filters.reached[i] ? "" : " (level not reached)"}: h(${short(p[0])}) = ${short(p[1])}`,
      })),
      rules: [{ y: 0 }],
      y: [
        Math.max(-1.6, Math.min(-0.1, ...values) - 0.05),
        Math.min(1.6, Math.max(1, ...values) + 0.05),
      ],
    });
  }

  drawTexts() {
    const { view, section } = this;
    section.querySelector(".setting").textContent = [...(view.rows ?? []), ...view.setting].join(
      " ",
    );
    for (const [place, lines] of [
      [".verdicts", view.verdicts],
      [".best", view.best_stops],
    ]) {
      section.querySelector(place).replaceChildren(...lines.map((line) => element("li", {}, line)));
    }
    section
      .querySelector(".tables")
      .replaceChildren(
        ...view.tables.map((table) =>
          element(
            "details",
            {},
            element("summary", {}, table.title),
            element(
              "table",
              {},
              element(
                "thead",
                {},
                element(
                  "tr",
                  {},
                  ...table.heads.map((head) => element("th", { scope: "col" }, head)),
                ),
              ),
              element(
                "tbody",
                {},
                ...table.rows.map((row, i) =>
                  element(
                    "tr",
                    {},
                    ...row.map((cell, k) =>
                      element(
                        "td",
                        table.heads[k] === "vs flow"
                          ? { class: { helps: "good", hurts: "bad" }[table.effects[i]] ?? "" }
                          : {},
                        cell,
                      ),
                    ),
                  ),
                ),
              ),
            ),
          ),
        ),
      );
  }
}
