// The paper's example: its controls.
import { Drawing } from "./drawing.js";
import { Tab, element, short } from "./tab.js";

const FRAME_TIME = 110; // milliseconds
const PAIRS = ["start", "target"];

export class Example extends Tab {
  constructor(name, changed) {
    super(name, changed);
    const at = (id) => document.getElementById(id);
    this.drawing = new Drawing((point, held) => this.moveStart(point, held));
    this.frame = Infinity; // the frame of the path that is shown; infinity is the end
    for (const id of PAIRS) this.bindPoint(id);
    at("instance").addEventListener("change", (event) => this.setInstance(event.target.checked));
    at("draws").addEventListener("click", (event) => {
      const { draw } = event.target.dataset;
      if (draw) this.set({ draw });
    });
    at("proposition").addEventListener("click", () =>
      this.load(new URLSearchParams({ instance: "yes", lr: "1.5", steps: "10", level: "0.01" })),
    );
    at("reset").addEventListener("click", () => this.load(new URLSearchParams()));
    at("zoom").addEventListener("change", (event) => {
      this.drawing.domain = null;
      this.note("show", event.target.value === "level" ? "level" : null);
    });
    at("play").addEventListener("click", () => (this.timer ? this.pause() : this.play()));
    at("frame").addEventListener("input", (event) => {
      this.pause();
      this.frame = Number(event.target.value);
      this.note("frame", this.frame < this.drawing.frames ? this.frame : null);
    });
  }

  load(query) {
    this.pause();
    this.frame = query.has("frame") ? Number(query.get("frame")) || 0 : Infinity;
    document.getElementById("zoom").value = query.get("show") === "level" ? "level" : "path";
    super.load(query);
  }

  set(values) {
    this.pause();
    this.frame = Infinity;
    this.query.delete("frame");
    super.set(values);
  }

  // Keep in the address the state that the server does not need.
  note(name, value) {
    if (value === null) this.query.delete(name);
    else this.query.set(name, value);
    this.changed(this.query);
    if (this.view) this.draw();
  }

  bindPoint(id) {
    const { inputs } = this.place(id);
    const other = PAIRS.find((one) => one !== id);
    const set = () =>
      this.set({
        [id]: inputs.map((one) => one.value).join(","),
        [other]: this.pointOf(other).join(","),
        instance: null,
      });
    for (const input of inputs) {
      input.addEventListener("input", () => input.value && set());
      input.addEventListener("change", () => input.value || set());
    }
  }

  // The point that was last requested; its answer may not have arrived yet.
  pointOf(id) {
    const asked = this.query.get(id)?.split(",").map(Number);
    if (asked?.length === 2 && asked.every(Number.isFinite)) return asked;
    return this.view?.state[id] ?? this.place(id).inputs.map((input) => Number(input.value));
  }

  // Proposition 1's instance sets start and target; leaving it keeps them in place.
  setInstance(wanted) {
    if (wanted) this.set({ instance: "yes", start: null, target: null });
    else
      this.set({
        instance: null,
        start: this.pointOf("start").join(","),
        target: this.pointOf("target").join(","),
      });
  }

  // `move` returns the new start for the last requested one.
  moveStart(move, held) {
    this.drawing.held = held;
    this.set({
      start: move(this.pointOf("start")).join(","),
      target: this.pointOf("target").join(","),
      instance: null,
    });
  }

  fill({ state }) {
    for (const name of ["lr", "steps", "batch", "level", "alpha"]) this.put(name, state[name]);
    for (const name of PAIRS) {
      if (this.isFaulty(name) && this.view) continue;
      const shown = this.isFaulty(name) ? this.query.get(name).split(",") : state[name];
      this.place(name).inputs.forEach((input, i) => {
        if (input !== document.activeElement) input.value = shown[i];
      });
    }
    document.getElementById("instance").checked = state.instance;
    for (const button of document.getElementById("draws").children)
      button.setAttribute("aria-pressed", button.dataset.draw === state.draw.join(","));
  }

  draw() {
    const { marks } = this.view;
    const { box } = this.place("lr");
    const range = box.querySelector("input[type=range]");
    range.max = Math.max(3, 2 * marks.at(-1).value);
    if (range !== document.activeElement) range.value = this.view.state.lr;
    const share = (value) => (100 * (value - range.min)) / (range.max - range.min);
    box.querySelector(".marks").replaceChildren(
      ...marks.map(({ value }) => {
        const tick = element("i");
        tick.style.left = `${share(value)}%`;
        return tick;
      }),
    );
    box.querySelector(".marks-text").textContent = marks
      .map(({ value, label }) => `${short(value)} = ${label}`)
      .join("; ");
    if (this.view !== this.drawing.view) {
      this.drawing.view = this.view;
      if (!this.drawing.held) this.drawing.domain = null;
    }
    this.drawing.update(this.frame);
    const slider = document.getElementById("frame");
    slider.max = this.drawing.frames;
    slider.value = Math.min(this.frame, this.drawing.frames);
  }

  play() {
    if (!this.view) return;
    document.getElementById("play").textContent = "⏸ Pause";
    if (this.frame >= this.drawing.frames) this.frame = 0;
    this.timer = setInterval(() => {
      this.frame += 1;
      if (this.frame >= this.drawing.frames) this.pause();
      this.draw();
    }, FRAME_TIME);
  }

  pause() {
    clearInterval(this.timer);
    this.timer = undefined;
    document.getElementById("play").textContent = "▶ Play";
  }
}
