// Line charts with axes, a shaded band, rules, and the nearest point's numbers under the pointer.
/* global d3 */

const MARGIN = { top: 24, right: 12, bottom: 38, left: 52 };
const CLIP = 7; // so that marks at the edge are not cut off

export const DASHES = ["", "7 3", "7 3 2 3", "2 3", "10 4", "5 2 1 2 1 2", "4 2", "1 2"];
export const MARKS = [
  "symbolCircle",
  "symbolSquare",
  "symbolDiamond2",
  "symbolTriangle",
  "symbolCross",
  "symbolStar",
  "symbolWye",
  "symbolX",
].map((name) => d3[name] ?? d3.symbolCircle);

export class Chart {
  constructor(container, { x, y, height = 250, label }) {
    this.container = container;
    this.x = x;
    this.y = y;
    this.height = height;
    this.svg = d3.select(container).append("svg").attr("role", "img").attr("aria-label", label);
    this.clip = `clip-${container.id || Math.random().toString(36).slice(2)}`;
    this.svg.append("clipPath").attr("id", this.clip).append("rect");
    for (const name of ["x axis", "y axis"]) this.svg.append("g").attr("class", name);
    this.svg.append("text").attr("class", "x-label").attr("text-anchor", "end").text(x.label);
    this.svg.append("text").attr("class", "y-label").attr("x", 4).attr("y", 12).text(y.label);
    this.inner = this.svg.append("g").attr("clip-path", `url(#${this.clip})`);
    this.tip = tooltip(container, this.svg, (at) => this.nearest(at));
  }

  // data: {series: [{points, style, marks}], band: [[x, low, high]], rules: [{y}], now: [[x, y]]}
  update(data) {
    this.data = data;
    const width = this.container.clientWidth;
    if (!width) return;
    const { height } = this;
    const all = data.series.flatMap((series) => [...series.points, ...(series.marks ?? [])]);
    this.sx = scale(this.x, data.x ?? extent(all, 0, this.x), [MARGIN.left, width - MARGIN.right]);
    this.sy = scale(this.y, data.y ?? extent(all, 1, this.y), [height - MARGIN.bottom, MARGIN.top]);
    this.svg.attr("width", width).attr("height", height).attr("viewBox", `0 0 ${width} ${height}`);
    this.svg
      .select("clipPath rect")
      .attr("x", MARGIN.left - CLIP)
      .attr("y", MARGIN.top - CLIP)
      .attr("width", Math.max(0, width - MARGIN.left - MARGIN.right + 2 * CLIP))
      .attr("height", height - MARGIN.top - MARGIN.bottom + 2 * CLIP);
    axis(this.svg.select(".x"), d3.axisBottom(this.sx), this.sx, this.x, width / 90).attr(
      "transform",
      `translate(0,${height - MARGIN.bottom})`,
    );
    axis(this.svg.select(".y"), d3.axisLeft(this.sy), this.sy, this.y, height / 45).attr(
      "transform",
      `translate(${MARGIN.left},0)`,
    );
    this.svg
      .select(".x-label")
      .attr("x", width - MARGIN.right)
      .attr("y", height - 6);
    const usable = ([x, y]) => Number.isFinite(this.px(x)) && Number.isFinite(this.py(y));
    const area = d3
      .area()
      .x((d) => this.px(d[0]))
      .y0((d) => this.py(d[1]))
      .y1((d) => this.py(d[2] ?? Infinity));
    join(this.inner, "path", "band-area", data.band ? [data.band] : []).attr("d", area);
    join(this.inner, "line", "rule", data.rules ?? [])
      .attr("x1", (d) => (d.x === undefined ? MARGIN.left : this.px(d.x)))
      .attr("x2", (d) => (d.x === undefined ? width : this.px(d.x)))
      .attr("y1", (d) => (d.y === undefined ? MARGIN.top : this.py(d.y)))
      .attr("y2", (d) => (d.y === undefined ? height - MARGIN.bottom : this.py(d.y)));
    const line = d3
      .line()
      .defined(usable)
      .x((d) => this.px(d[0]))
      .y((d) => this.py(d[1]));
    join(this.inner, "path", "series", data.series)
      .attr("class", (d) => `series ${d.style.class ?? ""}`)
      .style("--colour", (d) => d.style.colour ?? null)
      .attr("stroke-dasharray", (d) => d.style.dash ?? null)
      .attr("d", (d) => line(d.points));
    const marks = data.series.flatMap((series) =>
      (series.marks ?? []).filter(usable).map((point) => ({ point, style: series.style })),
    );
    join(this.inner, "path", "dot", marks)
      .attr("class", (d) => `dot ${d.style.class ?? ""}`)
      .style("--colour", (d) => d.style.colour ?? null)
      .attr("d", (d) => d3.symbol(d.style.mark ?? d3.symbolCircle, 36)())
      .attr("transform", (d) => `translate(${this.px(d.point[0])},${this.py(d.point[1])})`);
    join(this.inner, "circle", "now", (data.now ?? []).filter(usable))
      .attr("r", 5)
      .attr("cx", (d) => this.px(d[0]))
      .attr("cy", (d) => this.py(d[1]));
  }

  px(x) {
    return place(this.sx, x);
  }
  py(y) {
    return place(this.sy, y);
  }

  nearest([x, y]) {
    return closest(
      this.data?.series.flatMap((series) =>
        [...(series.marks ?? []), ...series.points].map((p) => [
          this.px(p[0]),
          this.py(p[1]),
          p,
          series,
        ]),
      ) ?? [],
      x,
      y,
    );
  }
}

function place(scaled, value) {
  if (value === null || value === undefined) return NaN;
  if (value === Infinity) return scaled.range()[1] - 1e3;
  return Math.max(-1e4, Math.min(1e4, scaled(value)));
}

export function closest(candidates, x, y, reach = 30) {
  let best = null;
  let least = reach;
  for (const [px, py, point, series] of candidates) {
    const far = Math.hypot(px - x, py - y);
    if (far < least) [least, best] = [far, { px, py, point, series }];
  }
  return best && { ...best, text: best.series.tip ? best.series.tip(best.point) : "" };
}

export function tooltip(container, svg, find) {
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  container.parentElement.append(tip);
  svg.on("pointermove", (event) => {
    const found = find(d3.pointer(event, svg.node()));
    tip.hidden = !found?.text;
    if (tip.hidden) return;
    tip.textContent = found.text;
    const width = container.clientWidth;
    const half = found.px > width / 2;
    tip.style.left = half ? "auto" : `${found.px + 12}px`;
    tip.style.right = half ? `${width - found.px + 12}px` : "auto";
    tip.style.top = `${container.offsetTop + found.py - 10}px`;
  });
  svg.on("pointerleave", () => {
    tip.hidden = true;
  });
  return tip;
}

export function join(parent, tag, name, data) {
  return parent.selectAll(`:scope > ${tag}.${name}`).data(data).join(tag).classed(name, true);
}

function extent(points, index, { log }) {
  const values = points
    .map((point) => point[index])
    .filter((v) => v !== null && Number.isFinite(v) && (!log || v > 0));
  if (!values.length) return log ? [0.1, 1] : [0, 1];
  const [low, high] = d3.extent(values);
  if (log) return low === high ? [low / 2, high * 2] : [low / 1.15, high * 1.15];
  const room = 0.05 * (high - low) || Math.abs(high) || 1;
  return [low - room, high + room];
}

function scale({ log, reverse }, domain, range) {
  const made = (log ? d3.scaleLog() : d3.scaleLinear()).domain(
    reverse ? [...domain].reverse() : domain,
  );
  return made.range(range);
}

export function axis(group, made, scaled, { log }, count) {
  let ticks = scaled.ticks(count);
  if (log) {
    const [low, high] = d3.extent(scaled.domain());
    const decades = Math.log10(high / low);
    const powers = d3.range(
      Math.floor(Math.log10(low)),
      Math.floor(Math.log10(high)) + 1,
      Math.max(1, Math.ceil(decades / count)),
    );
    if (decades < 1) ticks = d3.scaleLinear().domain([low, high]).ticks(count);
    else if (decades < 0.7 * count)
      ticks = powers
        .flatMap((p) => [1, 2, 5].map((m) => Number(`${m}e${p}`)))
        .filter((t) => t >= low && t <= high);
    else ticks = powers.map((p) => Number(`1e${p}`)).filter((t) => t >= low);
  }
  const format = (t) => {
    const size = Math.abs(t);
    return size !== 0 && (size >= 1e5 || size < 1e-3)
      ? t.toExponential().replace("e+", "e")
      : String(Number(t.toPrecision(6)));
  };
  return group.call(made.tickValues(ticks).tickFormat(format).tickSizeOuter(0));
}

// The entries of a legend: a piece of the line with its mark, and the name.
export function legend(place, entries) {
  d3.select(place)
    .selectAll(":scope > span")
    .data(entries)
    .join("span")
    .each(function ([style, name]) {
      const span = d3.select(this);
      span.selectAll("*").remove();
      const svg = span
        .append("svg")
        .attr("width", 34)
        .attr("height", 12)
        .attr("aria-hidden", "true")
        .attr("class", style.class ?? null)
        .style("--colour", style.colour ?? null);
      if (style.area)
        svg.append("rect").attr("class", "band-area").attr("width", 34).attr("height", 12);
      else
        svg
          .append("line")
          .attr("class", "series")
          .attr("x1", 1)
          .attr("x2", 33)
          .attr("y1", 6)
          .attr("y2", 6)
          .attr("stroke-dasharray", style.dash ?? null);
      if (style.mark)
        svg
          .append("path")
          .attr("class", "dot")
          .attr("d", d3.symbol(style.mark, 40)())
          .attr("transform", "translate(17,6)");
      span.append("span").text(name);
    });
}
