// The paper's example: draw and describe an answer.
/* global d3 */
import { Chart, legend } from "./chart.js";
import { Plane } from "./plane.js";
import { element, short } from "./tab.js";

const MARKS = { flow: d3.symbolSquare, annealed: d3.symbolCircle };
const MARKED = 60; // the most steps that are marked one by one

export class Drawing {
  constructor(moved) {
    const at = (id) => document.getElementById(id);
    this.planes = {
      flow: new Plane(at("plane-flow"), "path of gradient flow over the train loss", moved),
      annealed: new Plane(at("plane-annealed"), "path of the annealed run", moved),
      test: new Plane(at("plane-test"), "both ends over the test loss"),
    };
    this.losses = new Chart(at("chart-losses"), {
      x: { label: "training time (rate × steps + flow time)" },
      y: { label: "loss", log: true },
      label: "losses over training time",
    });
    this.band = new Chart(at("chart-band"), {
      x: { label: "train loss", log: true, reverse: true },
      y: { label: "test loss / train loss" },
      label: "position in the band",
    });
    legend(at("example-legend"), [
      [{ class: "flow", mark: MARKS.flow }, "gradient flow"],
      [{ class: "annealed", mark: MARKS.annealed }, "annealed: steps as dots, then its flow"],
      [{ colour: "var(--level)" }, "train loss ε"],
      [{ colour: "var(--soft)", dash: "6 3" }, "test loss (below)"],
      [{ area: true }, "band (below)"],
    ]);
  }

  update(wanted) {
    const { state, curvature, test, runs } = this.view;
    const paths = Object.entries(runs).map(([name, run]) => ({
      ...run,
      name,
      turn: run.steps.indexOf(run.steps.at(-1)), // the last step, where its flow begins
      mark: MARKS[name],
      tip: (i) => `${name}: ${describe(run, i)}`,
    }));
    this.frames = Math.max(...paths.map((path) => path.points.length)) - 1;
    const frame = Math.min(wanted, this.frames);
    this.domain ??= this.reach(paths);
    const steep = curvature[0] >= curvature[1] ? 0 : 1;
    const common = {
      domain: this.domain,
      curvature,
      level: state.level,
      target: state.target,
      names: ["β₁", "β₂"].map((name, i) => `${name} (${i === steep ? "steep" : "flat"})`),
      frame,
    };
    for (const path of paths)
      this.planes[path.name].update({ ...common, contours: curvature, paths: [path] });
    const ends = paths.map((path) => ({ ...path, onlyEnd: true }));
    this.planes.test.update({ ...common, contours: test, paths: ends });
    this.drawLosses(paths, frame);
    this.drawBand(paths, frame);
    this.tellEnds(runs);
    this.tellBounds();
    document.getElementById("frame-text").textContent = paths
      .map((path) => path.tip(Math.min(frame, path.points.length - 1)))
      .join("  ·  ");
  }

  // The panels must hold start, target, the level set, and the path as far as its mirror image.
  reach(paths) {
    const { state, curvature } = this.view;
    const radius = curvature.map((c) => (c > 0 ? Math.sqrt(state.level / c) : 0));
    const close = document.getElementById("zoom").value === "level";
    return [0, 1].map((i) => {
      const centre = state.target[i];
      if (close) return [-1.6, 1.6].map((side) => centre + side * Math.max(...radius));
      const most = 1.05 * Math.max(Math.abs(state.start[i] - centre), radius[i]);
      const seen = paths
        .flatMap((path) => path.points.map((p) => p[i]))
        .filter((v) => v !== null && Math.abs(v - centre) <= most);
      const all = [...seen, centre - radius[i], centre + radius[i], state.start[i]];
      const room = 0.08 * (Math.max(...all) - Math.min(...all)) || 1;
      return [Math.min(...all) - room, Math.max(...all) + room];
    });
  }

  drawLosses(paths, frame) {
    const series = paths.flatMap((path) =>
      ["train", "test"].map((kind) => ({
        points: path.time.map((t, i) => [t, path[kind][i], i]),
        marks:
          kind === "train" && path.turn <= MARKED
            ? path.time.slice(1, path.turn + 1).map((t, i) => [t, path.train[i + 1], i + 1])
            : [],
        style: { class: `${path.name} ${kind}-line` },
        tip: (p) => path.tip(p[2]),
      })),
    );
    this.losses.update({
      series,
      rules: [{ y: this.view.state.level }],
      now: now(paths, frame, (path, i) => [path.time[i], path.train[i]]),
    });
  }

  drawBand(paths, frame) {
    const [lowest, highest] = this.view.slopes;
    const { level } = this.view.state;
    const at = (path, i) => [path.train[i], path.train[i] ? path.test[i] / path.train[i] : null, i];
    const series = paths.map((path) => ({
      points: path.train.map((_, i) => at(path, i)),
      marks: [at(path, path.train.length - 1)],
      style: { class: path.name },
      tip: (p) => path.tip(p[2]),
    }));
    const usable = series.flatMap((one) => one.points).filter(([x, y]) => x > 0 && y !== null);
    const losses = [...usable.map((p) => p[0]), level];
    const top = highest ?? Math.min(20, 1.2 * Math.max(lowest, ...usable.map((p) => p[1])));
    const span = [Math.min(...losses) / 2, 2 * Math.max(...losses)];
    this.band.update({
      series,
      band: span.map((x) => [x, lowest, highest]),
      rules: [{ x: level }],
      y: [0, 1.15 * top],
      now: now(paths, frame, at),
    });
  }

  tellEnds(runs) {
    const place = ({ place, highest }) =>
      place === null ? (highest === null ? "unbounded" : "–") : `${short(100 * place, 3)} %`;
    const rows = {
      "train loss": (run) => short(run.train_loss, 5),
      "test loss": (run) => short(run.test_loss, 5),
      steps: (run) => run.end_steps,
      "flow time": (run) => short(run.end_time),
      "band at that train loss": (run) => `${short(run.lowest)} to ${short(run.highest)}`,
      "position in the band": place,
      end: (run) => run.end.map((v) => short(v)).join(", "),
    };
    document
      .querySelector("#ends tbody")
      .replaceChildren(
        ...Object.entries(rows).map(([head, cell]) =>
          element(
            "tr",
            {},
            element("th", { scope: "row" }, head),
            ...Object.entries(runs).map(([name, run]) =>
              element("td", { "data-cell": `${name} ${head}` }, String(cell(run))),
            ),
          ),
        ),
      );
    const { ratio, notes } = this.view;
    document.getElementById("ratio").textContent = ratio === null ? "–" : short(ratio, 5);
    const losses = Object.entries(runs).map(([name, run]) => `${name} ${short(run.test_loss)}`);
    document.getElementById("both").textContent = `(${losses.join(", ")})`;
    document
      .getElementById("notes")
      .replaceChildren(...notes.map((note) => element("li", {}, note)));
  }

  tellBounds() {
    const { bounds, premises } = this.view;
    const missing = premises.filter((premise) => !premise.met).map((premise) => premise.text);
    document.getElementById("bounds").hidden = !bounds.length;
    document.querySelector("#bounds tbody").replaceChildren(
      ...bounds.map(({ statement, value, bound, holds }) => {
        const verdict = holds ? "✓ holds" : missing.length ? "not so here" : "✗ fails";
        return element(
          "tr",
          {},
          element("td", {}, statement),
          element("td", {}, `${short(value, 5)} against ${short(bound, 5)}`),
          element("td", { class: missing.length ? "" : holds ? "good" : "bad" }, verdict),
        );
      }),
    );
    document.getElementById("premises").textContent = missing.length
      ? `The proposition does not claim this here: it is about ${missing.join("; ")}.`
      : "This is the proposition's setting: both parts must hold.";
  }
}

function describe(run, i) {
  const losses = `train ${short(run.train[i])}, test ${short(run.test[i])}`;
  return `step ${run.steps[i]}, time ${short(run.time[i], 3)}: ${losses}`;
}

function now(paths, frame, at) {
  return paths.map((path) => at(path, Math.min(frame, path.points.length - 1)));
}
