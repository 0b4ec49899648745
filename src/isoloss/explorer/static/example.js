// The paper's example: Figure 1 with everything in it movable.
/* global d3 */
import { Chart, legend } from "./chart.js";
import { Plane } from "./plane.js";
import { Tab, element, short } from "./tab.js";

const MARKS = { flow: d3.symbolSquare, annealed: d3.symbolCircle };
const FRAME_TIME = 110; // milliseconds

export class Example extends Tab {
  constructor(name, changed) {
    super(name, changed);
    const at = (id) => document.getElementById(id);
    this.planes = {
      flow: new Plane(at("plane-flow"), "path of gradient flow over the train loss", (p, held) =>
        this.moveStart(p, held),
      ),
      annealed: new Plane(
        at("plane-annealed"),
        "path of the annealed run over the train loss",
        (p, held) => this.moveStart(p, held),
      ),
      test: new Plane(at("plane-test"), "both ends over the test loss"),
    };
    this.losses = new Chart(at("chart-losses"), {
      x: { label: "training time (rate × steps + flow time)" },
      y: { label: "loss", log: true },
      label: "losses over training time",
    });
    this.band = new Chart(at("chart-band"), {
      x: { label: "train loss (training runs to the right)", log: true, reverse: true },
      y: { label: "test / train" },
      label: "position in the band",
    });
    legend(at("example-legend"), [
      [{ class: "flow", mark: MARKS.flow }, "gradient flow"],
      [{ class: "annealed", mark: MARKS.annealed }, "gradient descent steps, annealed run"],
      [{ colour: "var(--level)" }, "train loss ε"],
      [{ colour: "var(--soft)", dash: "6 3" }, "test loss (below)"],
    ]);
    for (const id of ["start", "target"]) {
      const inputs = this.place(id).querySelectorAll("input");
      for (const input of inputs) {
        input.addEventListener("input", () => {
          const values = [...inputs].map((one) => one.value);
          if (!values.includes("")) this.set({ [id]: values.join(","), instance: null });
        });
      }
    }
    at("instance").addEventListener("change", (event) => this.setInstance(event.target.checked));
    at("reset").addEventListener("click", () => this.load(new URLSearchParams()));
    at("zoom").addEventListener("change", () => {
      this.domain = null;
      this.draw();
    });
    at("play").addEventListener("click", () => (this.timer ? this.pause() : this.play()));
    at("frame").addEventListener("input", (event) => {
      this.pause();
      this.frame = Number(event.target.value);
      this.draw();
    });
  }

  // Proposition 1's instance sets start and target; leaving it keeps where they are.
  setInstance(wanted) {
    if (wanted) this.set({ instance: "yes", start: null, target: null });
    else
      this.set({
        instance: null,
        start: this.view.state.start.join(","),
        target: this.view.state.target.join(","),
      });
  }

  moveStart(point, held) {
    this.held = held;
    const { target } = this.view.state;
    this.set({ start: point.join(","), target: target.join(","), instance: null });
  }

  fill(state) {
    for (const name of ["lr", "steps", "level", "alpha"]) this.put(name, state[name]);
    for (const name of ["start", "target"]) {
      this.place(name)
        .querySelectorAll("input")
        .forEach((input, i) => {
          if (input !== document.activeElement) input.value = state[name][i];
        });
    }
    document.getElementById("instance").checked = state.instance;
    const draws = document.getElementById("draws");
    if (!draws.children.length) {
      draws.append(
        ...this.view.draws.map(({ counts, probability }) => {
          const button = element(
            "button",
            { type: "button", "data-draw": counts.join(",") },
            `${counts[0]} × e₁, ${counts[1]} × e₂ (${probability})`,
          );
          button.addEventListener("click", () => this.set({ draw: counts.join(",") }));
          return button;
        }),
      );
    }
    for (const button of draws.children)
      button.setAttribute("aria-pressed", button.dataset.draw === state.draw.join(","));
    const { marks } = this.view;
    const range = this.place("lr").querySelector("input[type=range]");
    range.max = Math.max(3, 2 * marks.at(-1).value);
    const share = (value) => (100 * (value - range.min)) / (range.max - range.min);
    this.place("lr")
      .querySelector(".marks")
      .replaceChildren(
        ...marks.map(({ value }) => {
          const tick = element("i");
          tick.style.left = `${share(value)}%`;
          return tick;
        }),
      );
    this.place("lr").querySelector(".marks-text").textContent = marks
      .map(({ value, label }) => `${short(value)} = ${label}`)
      .join("; ");
    this.domain = this.held ? this.domain : null;
    if (!this.timer) this.frame = Infinity;
  }

  draw() {
    const { state, curvature, test, runs } = this.view;
    const paths = Object.fromEntries(
      Object.entries(runs).map(([name, run]) => {
        const turn =
          run.steps.lastIndexOf(run.steps.at(-1)) === -1 ? 0 : run.steps.indexOf(run.steps.at(-1));
        return [name, { ...run, name, turn, mark: MARKS[name], tip: (i) => this.describe(run, i) }];
      }),
    );
    this.frames = Math.max(...Object.values(runs).map((run) => run.points.length)) - 1;
    const frame = Math.min(this.frame, this.frames);
    this.domain ??= this.reach(paths);
    const steep = curvature[0] >= curvature[1] ? 0 : 1;
    const names = ["β₁", "β₂"].map((name, i) => `${name} (${i === steep ? "steep" : "flat"})`);
    const common = {
      domain: this.domain,
      curvature,
      level: state.level,
      target: state.target,
      names,
      frame,
    };
    this.planes.flow.update({ ...common, contours: curvature, paths: [paths.flow] });
    this.planes.annealed.update({ ...common, contours: curvature, paths: [paths.annealed] });
    this.planes.test.update({
      ...common,
      contours: test,
      paths: Object.values(paths).map((path) => ({ ...path, onlyEnd: true })),
    });
    this.drawCharts(paths, frame);
    this.drawTables(runs);
    const slider = document.getElementById("frame");
    slider.max = this.frames;
    slider.value = frame;
    document.getElementById("frame-text").textContent = Object.entries(runs)
      .map(
        ([name, run]) => `${name}: ${this.describe(run, Math.min(frame, run.points.length - 1))}`,
      )
      .join("  ·  ");
  }

  describe(run, i) {
    return `step ${run.steps[i]}, time ${short(run.time[i], 3)}: train ${short(run.train[i])}, test ${short(run.test[i])}`;
  }

  // What the panels must hold: start, target, the level set, and the path as far as its mirror image.
  reach(paths) {
    const { state, curvature } = this.view;
    const radius = curvature.map((c) => (c > 0 ? Math.sqrt(state.level / c) : 0));
    const close = document.getElementById("zoom").value === "level" && Math.max(...radius) > 0;
    return [0, 1].map((i) => {
      const centre = state.target[i];
      const far = Math.abs(state.start[i] - centre);
      const most = close ? 1.6 * Math.max(...radius) : 1.05 * Math.max(far, radius[i]);
      const seen = Object.values(paths)
        .flatMap((path) => path.points.map((p) => p[i]))
        .filter((v) => v !== null && Math.abs(v - centre) <= most);
      const all = close
        ? [centre - most, centre + most]
        : [...seen, centre - radius[i], centre + radius[i], state.start[i]];
      const room = 0.08 * (Math.max(...all) - Math.min(...all)) || 1;
      return [Math.min(...all) - room, Math.max(...all) + room];
    });
  }

  drawCharts(paths, frame) {
    const { state, slopes } = this.view;
    const series = Object.values(paths).flatMap((path) =>
      ["train", "test"].map((kind) => ({
        points: path.time.map((t, i) => [t, path[kind][i], i]),
        marks:
          kind === "train" && path.turn <= 60
            ? path.time.slice(1, path.turn + 1).map((t, i) => [t, path.train[i + 1], i + 1])
            : [],
        style: { class: `${path.name} ${kind}-line` },
        tip: (p) => `${path.name}, ${kind} loss: ${this.describe(path, p[2])}`,
      })),
    );
    const now = (at) =>
      Object.values(paths).map((path) => at(path, Math.min(frame, path.points.length - 1)));
    this.losses.update({
      series,
      rules: [{ y: state.level }],
      now: now((path, i) => [path.time[i], path.train[i]]),
    });
    const ratios = Object.values(paths).map((path) => ({
      points: path.train.map((loss, i) => [loss, path.test[i] / loss, i]),
      style: { class: path.name },
      tip: (p) => `${path.name}: ${this.describe(path, p[2])}`,
      marks: [[path.train.at(-1), path.test.at(-1) / path.train.at(-1), path.train.length - 1]],
    }));
    const losses = ratios
      .flatMap((one) => one.points.map((p) => p[0]))
      .filter((v) => v > 0 && Number.isFinite(v));
    const [low, high] = [Math.min(...losses, state.level), Math.max(...losses, state.level)];
    const top =
      slopes[1] ??
      Math.min(
        20,
        1.2 *
          Math.max(...ratios.flatMap((one) => one.points.map((p) => p[1])).filter(Number.isFinite)),
      );
    this.band.update({
      series: ratios,
      band: [
        [low / 2, slopes[0], slopes[1]],
        [2 * high, slopes[0], slopes[1]],
      ],
      rules: [{ x: state.level }],
      y: [Math.min(0, slopes[0]), 1.15 * top],
      now: now((path, i) => [path.train[i], path.test[i] / path.train[i]]),
    });
  }

  drawTables({ flow, annealed }) {
    const percent = (run) => (run.place === null ? "unbounded" : `${short(100 * run.place, 3)} %`);
    const rows = [
      ["train loss", (run) => short(run.train_loss, 5)],
      ["test loss", (run) => short(run.test_loss, 5)],
      ["steps", (run) => run.end_steps],
      ["flow time", (run) => short(run.end_time)],
      ["band at that train loss", (run) => `${short(run.lowest)} to ${short(run.highest)}`],
      ["position in the band", percent],
      ["end", (run) => run.end.map((v) => short(v)).join(", ")],
    ];
    document
      .querySelector("#ends tbody")
      .replaceChildren(
        ...rows.map(([head, cell]) =>
          element(
            "tr",
            {},
            element("th", { scope: "row" }, head),
            ...[flow, annealed].map((run, i) =>
              element(
                "td",
                { "data-cell": `${["flow", "annealed"][i]} ${head}` },
                String(cell(run)),
              ),
            ),
          ),
        ),
      );
    const { ratio, notes, bounds, premises } = this.view;
    document.getElementById("ratio").textContent = ratio === null ? "–" : short(ratio, 5);
    document
      .getElementById("notes")
      .replaceChildren(...notes.map((note) => element("li", {}, note)));
    const missing = premises.filter((premise) => !premise.met).map((premise) => premise.text);
    document.getElementById("bounds").hidden = !bounds.length;
    document
      .querySelector("#bounds tbody")
      .replaceChildren(
        ...bounds.map((bound) =>
          element(
            "tr",
            {},
            element("td", {}, bound.statement),
            element("td", {}, `${short(bound.value, 5)} against ${short(bound.bound, 5)}`),
            element(
              "td",
              { class: missing.length ? "" : bound.holds ? "good" : "bad" },
              bound.holds ? "✓ holds" : "✗ fails",
            ),
          ),
        ),
      );
    document.getElementById("premises").textContent = missing.length
      ? `The proposition does not speak of this setting; it needs ${missing.join("; ")}.`
      : "This is the proposition's setting: both parts must hold.";
  }

  play() {
    document.getElementById("play").textContent = "⏸ Pause";
    if (this.frame >= this.frames) this.frame = 0;
    this.timer = setInterval(() => {
      this.frame += 1;
      this.draw();
      if (this.frame >= this.frames) this.pause();
    }, FRAME_TIME);
  }

  pause() {
    clearInterval(this.timer);
    this.timer = undefined;
    document.getElementById("play").textContent = "▶ Play";
  }
}
