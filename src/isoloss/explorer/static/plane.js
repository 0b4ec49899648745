// A panel of the plane: contours of a loss, the level set, a path, and the start to drag.
/* global d3 */
import { axis, closest, join, tooltip } from "./chart.js";

const MARGIN = { top: 20, right: 8, bottom: 34, left: 40 };
const FAR = 1e4; // pixels; lines to points further away end here

export class Plane {
  constructor(container, label, moved) {
    this.container = container;
    this.svg = d3.select(container).append("svg").attr("role", "group").attr("aria-label", label);
    this.clip = `clip-${container.id}`;
    this.svg.append("clipPath").attr("id", this.clip).append("rect");
    for (const name of ["x axis", "y axis"]) this.svg.append("g").attr("class", name);
    this.svg.append("text").attr("class", "x-label").attr("text-anchor", "end");
    this.svg.append("text").attr("class", "y-label").attr("x", 4).attr("y", 14);
    this.inner = this.svg.append("g").attr("clip-path", `url(#${this.clip})`);
    for (const name of ["contours", "sets", "paths", "ends", "starts"])
      this.inner.append("g").attr("class", name);
    tooltip(container, this.svg, ([x, y]) => closest(this.candidates ?? [], x, y));
    if (moved) this.makeStart(moved);
  }

  makeStart(moved) {
    const start = this.inner
      .select(".starts")
      .append("circle")
      .attr("class", "start-point")
      .attr("r", 7)
      .attr("tabindex", 0)
      .attr("role", "application")
      .attr("aria-label", "start of training: drag it, or move it with the arrow keys");
    const here = (event) => {
      const [x, y] = d3.pointer(event, this.svg.node());
      const clamp = (v, [a, b]) => Math.max(Math.min(a, b), Math.min(Math.max(a, b), v));
      const unit = Math.abs(this.sx.invert(100) - this.sx.invert(0));
      const digits = Math.min(20, Math.max(0, 2 - Math.floor(Math.log10(unit))));
      return [
        this.sx.invert(clamp(x, this.sx.range())),
        this.sy.invert(clamp(y, this.sy.range())),
      ].map((v) => Number(v.toFixed(digits)));
    };
    start.on("pointerdown", (event) => {
      if (event.button !== 0) return;
      start.node().setPointerCapture(event.pointerId);
      start.classed("dragged", true);
      this.dragging = true;
    });
    const move = (event, held) => {
      const point = here(event);
      moved(() => point, held);
    };
    start.on("pointermove", (event) => this.dragging && move(event, true));
    const drop = (event) => {
      if (!this.dragging) return;
      this.dragging = false;
      start.classed("dragged", false);
      move(event, false);
    };
    start.on("pointerup", drop).on("pointercancel", drop);
    start.on("keydown", (event) => {
      const way = {
        ArrowLeft: [-1, 0],
        ArrowRight: [1, 0],
        ArrowUp: [0, 1],
        ArrowDown: [0, -1],
      }[event.key];
      if (!way) return;
      event.preventDefault();
      const span = Math.abs(this.sx.domain()[1] - this.sx.domain()[0]);
      const step = 10 ** Math.floor(Math.log10(span / (event.shiftKey ? 5 : 25)));
      moved((from) => from.map((v, i) => Number((v + way[i] * step).toPrecision(12))), false);
    });
    this.startPoint = start;
  }

  // domain: [[x0, x1], [y0, y1]]; the panel shows at least that, with equal units
  update({ domain, curvature, contours, level, target, paths, names, frame }) {
    const width = this.container.clientWidth;
    if (!width) return;
    const height = Math.round(Math.min(340, Math.max(190, 0.72 * width)));
    const [w, h] = [width - MARGIN.left - MARGIN.right, height - MARGIN.top - MARGIN.bottom];
    const unit =
      Math.max((domain[0][1] - domain[0][0]) / w, (domain[1][1] - domain[1][0]) / h) || 1;
    const spread = ([a, b], size) => [(a + b - unit * size) / 2, (a + b + unit * size) / 2];
    const [dx, dy] = [spread(domain[0], w), spread(domain[1], h)];
    this.sx = d3.scaleLinear(dx, [MARGIN.left, width - MARGIN.right]);
    this.sy = d3.scaleLinear(dy, [height - MARGIN.bottom, MARGIN.top]);
    this.svg.attr("width", width).attr("height", height).attr("viewBox", `0 0 ${width} ${height}`);
    this.svg
      .select("clipPath rect")
      .attr("x", MARGIN.left)
      .attr("y", MARGIN.top)
      .attr("width", w)
      .attr("height", h);
    axis(this.svg.select(".x"), d3.axisBottom(this.sx), this.sx, {}, width / 70).attr(
      "transform",
      `translate(0,${height - MARGIN.bottom})`,
    );
    axis(this.svg.select(".y"), d3.axisLeft(this.sy), this.sy, {}, height / 50).attr(
      "transform",
      `translate(${MARGIN.left},0)`,
    );
    this.svg
      .select(".x-label")
      .attr("x", width - MARGIN.right)
      .attr("y", height - 4)
      .text(names[0]);
    this.svg.select(".y-label").text(names[1]);
    const far = (range, at) => Math.max((range[0] - at) ** 2, (range[1] - at) ** 2);
    const most = contours[0] * far(dx, target[0]) + contours[1] * far(dy, target[1]);
    const top = Math.max(0, Math.floor(Math.log2(most / level)));
    const levels = d3.range(Math.max(0, top - 9), top + 1).map((k) => level * 2 ** k);
    join(this.inner.select(".contours"), "path", "contour", levels).attr("d", (l) =>
      this.ellipse(target, contours, l),
    );
    join(this.inner.select(".sets"), "path", "level-set", [level]).attr("d", (l) =>
      this.ellipse(target, curvature, l),
    );
    join(this.inner.select(".sets"), "path", "target", [target])
      .attr("d", d3.symbol(d3.symbolPlus ?? d3.symbolCross, 90)())
      .attr("fill", "none")
      .attr("stroke", "currentColor")
      .attr("stroke-width", 1.6)
      .attr("transform", (p) => `translate(${this.at(p)})`);
    this.drawPaths(paths, frame);
  }

  drawPaths(paths, frame) {
    const line = d3
      .line()
      .defined((p) => p[0] !== null && p[1] !== null)
      .x((p) => this.at(p)[0])
      .y((p) => this.at(p)[1]);
    const pieces = paths
      .filter((path) => !path.onlyEnd)
      .flatMap((path) => [
        { points: path.points.slice(0, path.turn + 1), class: "annealed steps-line" },
        { points: path.points.slice(path.turn), class: path.name },
      ]);
    join(this.inner.select(".paths"), "path", "path", pieces)
      .attr("class", (d) => `path ${d.class}`)
      .attr("d", (d) => line(d.points));
    const dots = paths
      .filter((path) => !path.onlyEnd)
      .flatMap((path) => path.points.slice(0, path.turn + 1))
      .filter((p) => p[0] !== null);
    join(this.inner.select(".paths"), "circle", "dot", dots.length > 1 ? dots : [])
      .attr("class", "dot annealed")
      .attr("r", 2.5)
      .attr("cx", (p) => this.at(p)[0])
      .attr("cy", (p) => this.at(p)[1]);
    join(this.inner.select(".ends"), "path", "end", paths)
      .attr("class", (d) => `end ${d.name}`)
      .attr("d", (d) => d3.symbol(d.mark, 110)())
      .attr("transform", (d) => `translate(${this.at(d.end)})`);
    const now = paths
      .map((path) => path.points[Math.min(frame, path.points.length - 1)])
      .filter((p) => p[0] !== null);
    join(this.inner.select(".ends"), "circle", "now", now)
      .attr("r", 7)
      .attr("cx", (p) => this.at(p)[0])
      .attr("cy", (p) => this.at(p)[1]);
    this.start = paths[0].points[0];
    this.startPoint?.attr("cx", this.at(this.start)[0]).attr("cy", this.at(this.start)[1]);
    this.candidates = paths.flatMap((path) =>
      path.onlyEnd
        ? [[...this.at(path.end), path.points.length - 1, path]]
        : path.points.map((p, i) => [...this.at(p), i, path]),
    );
  }

  at([x, y]) {
    const clamp = (v) => Math.max(-FAR, Math.min(FAR, v));
    return [clamp(this.sx(x)), clamp(this.sy(y))];
  }

  // {β: Σ c_i (β_i - β*_i)² = level}: an ellipse, or two lines where one curvature is 0
  ellipse(target, [c0, c1], level) {
    const [x, y] = this.at(target);
    const scale = Math.abs(this.sx(1) - this.sx(0));
    const [rx, ry] = [c0, c1].map((c) => Math.min(FAR, scale * Math.sqrt(level / c)));
    if (c0 > 0 && c1 > 0)
      return `M${x - rx},${y}a${rx},${ry} 0 1,0 ${2 * rx},0a${rx},${ry} 0 1,0 ${-2 * rx},0`;
    if (c0 > 0) return `M${x - rx},${-FAR}V${FAR}M${x + rx},${-FAR}V${FAR}`;
    return `M${-FAR},${y - ry}H${FAR}M${-FAR},${y + ry}H${FAR}`;
  }
}
