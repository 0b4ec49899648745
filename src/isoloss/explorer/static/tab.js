// What all tabs share: the query that is their state, asking the server, and messages in place.

export class Tab {
  constructor(name, changed) {
    this.name = name;
    this.section = document.getElementById(name);
    this.form = this.section.querySelector("form");
    this.query = new URLSearchParams();
    this.changed = changed;
    this.form.addEventListener("submit", (event) => event.preventDefault());
    for (const field of this.form.querySelectorAll("[data-field]")) this.bindPair(field);
    // figures follow their width
    new ResizeObserver(() => this.view && this.draw()).observe(this.section);
  }

  shown() {}

  load(query) {
    this.query = query;
    this.ask();
  }

  set(values) {
    for (const [name, value] of Object.entries(values)) {
      if (value === null) this.query.delete(name);
      else if (Array.isArray(value)) {
        this.query.delete(name);
        for (const one of value) this.query.append(name, one);
      } else this.query.set(name, value);
    }
    this.ask();
  }

  // A number and a slider for the same field: each moves the other.
  bindPair(field) {
    const number = field.querySelector(":scope > input[type=number]");
    if (!number || field.classList.contains("pair")) return;
    const range = field.querySelector(":scope > input[type=range]");
    const name = field.dataset.field;
    number.addEventListener(
      "input",
      () => number.value !== "" && this.set({ [name]: number.value }),
    );
    number.addEventListener(
      "change",
      () => this.query.get(name) !== number.value && this.set({ [name]: number.value }),
    );
    if (!range) return;
    range.addEventListener("input", () => {
      const log = range.dataset.scale === "log";
      number.value = log ? Number((10 ** range.value).toPrecision(3)) : range.value;
      this.set({ [name]: number.value });
    });
  }

  // Show a value in a field's controls, but for the one that is being moved.
  put(name, value) {
    const field = this.form.querySelector(`[data-field="${name}"]`);
    for (const input of field.querySelectorAll(":scope > input, :scope > select")) {
      if (input === document.activeElement) continue;
      const log = input.dataset.scale === "log";
      input.value = log ? Math.log10(value) : value;
    }
  }

  async ask() {
    this.changed(this.query);
    this.asked ??= performance.now();
    if (this.asking) {
      this.again = true; // only the newest state is asked for
      return;
    }
    this.asking = true;
    const slow = setTimeout(() => this.section.querySelector(".output").classList.add("busy"), 300);
    let answer;
    const asked = this.asked;
    this.asked = undefined;
    try {
      const response = await fetch(`api/${this.name}?${this.query}`);
      answer = await response.json();
    } catch {
      answer = {
        errors: { "": "The explorer does not answer. Is isoloss explore still running?" },
      };
    }
    clearTimeout(slow);
    this.section.querySelector(".output").classList.remove("busy");
    this.asking = false;
    if (this.again) {
      this.again = false;
      this.asked ??= asked;
      this.ask();
    }
    if (answer.errors) this.tell(answer.errors);
    else {
      this.tell({});
      this.view = answer;
      this.fill(answer.state);
      this.draw();
      this.linkExports();
      requestAnimationFrame(() => performance.measure("isoloss-answer", { start: asked }));
    }
    this.section.dataset.answered = String(Number(this.section.dataset.answered ?? 0) + 1);
  }

  tell(errors) {
    for (const old of this.form.querySelectorAll(".error")) old.remove();
    for (const input of this.form.querySelectorAll("[aria-invalid]")) {
      input.removeAttribute("aria-invalid");
      input.removeAttribute("aria-describedby");
    }
    const unplaced = [];
    for (const [name, message] of Object.entries(errors)) {
      const place = this.place(name);
      if (!place) {
        unplaced.push(message);
        continue;
      }
      const text = document.createElement("p");
      text.className = message.includes("\n") ? "error code" : "error";
      text.id = `error-${this.name}-${name.replace(".", "-")}`;
      text.setAttribute("role", "alert");
      text.textContent = message;
      place.append(text);
      for (const input of place.querySelectorAll("input, select")) {
        input.setAttribute("aria-invalid", "true");
        input.setAttribute("aria-describedby", text.id);
      }
    }
    const failure = this.section.querySelector(".failure");
    failure.hidden = unplaced.length === 0;
    failure.textContent = unplaced.join("\n");
  }

  place(name) {
    return this.form.querySelector(`[data-field="${name}"]`);
  }

  linkExports() {
    const place = this.section.querySelector(".exports");
    const files = this.name === "example" ? [""] : ["", "-filters"];
    const kinds = files.flatMap((file) =>
      ["png", "svg"].map((kind) => [
        `${file}.${kind}`,
        `${file ? "Filters" : "Figure"} (${kind.toUpperCase()})`,
      ]),
    );
    place.replaceChildren(
      ...[...kinds, [".py", "Python script"]].map(([file, text]) => {
        const link = document.createElement("a");
        link.href = `export/isoloss-${this.name}${file}?${this.query}`;
        link.download = "";
        link.textContent = text;
        return link;
      }),
    );
  }
}

// Numbers as people write them, to so many digits.
export function short(value, digits = 4) {
  if (value === null || value === undefined) return "∞";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-3) return value.toExponential(digits - 1).replace("e+", "e");
  return Number(value.toPrecision(digits)).toString();
}

export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}
