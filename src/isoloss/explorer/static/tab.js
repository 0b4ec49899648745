// Code shared by all tabs: the query that holds their state, requests, and error messages.

export class Tab {
  constructor(name, changed) {
    this.name = name;
    this.section = document.getElementById(name);
    this.form = this.section.querySelector("form");
    this.output = this.section.querySelector(".output");
    this.query = new URLSearchParams();
    this.changed = changed;
    this.form.addEventListener("submit", (event) => event.preventDefault());
    for (const field of this.form.querySelectorAll("[data-field]")) this.bindPair(field);
    this.makeExports();
    // resize figures with the window
    new ResizeObserver(() => this.view && this.draw()).observe(this.section);
  }

  load(query) {
    this.query = query;
    this.ask();
  }

  // Change some fields; null and an empty list leave a field at its default.
  set(values) {
    for (const [name, value] of Object.entries(values)) {
      this.query.delete(name);
      if (Array.isArray(value)) for (const one of value) this.query.append(name, one);
      else if (value !== null) this.query.set(name, value);
    }
    this.ask();
  }

  // A number and a slider for the same field; each moves the other.
  bindPair(field) {
    const number = field.querySelector(":scope > input[type=number]");
    if (!number || field.classList.contains("pair")) return;
    const range = field.querySelector(":scope > input[type=range]");
    const name = field.dataset.field;
    // a field with a placeholder may be empty
    const said = () => number.value || (number.placeholder && !number.validity.badInput);
    number.addEventListener("input", () => said() && this.set({ [name]: number.value || null }));
    // unreadable or half-typed input is reported on leaving the field
    number.addEventListener("change", () => number.value || this.set({ [name]: "" }));
    range?.addEventListener("input", () => {
      const log = range.dataset.scale === "log";
      number.value = log ? Number((10 ** range.value).toPrecision(3)) : range.value;
      this.set({ [name]: number.value });
    });
  }

  // Whether the page must leave a field's controls as the user has set them.
  isFaulty(name) {
    return Object.keys(this.errors ?? {}).some((key) => key.split(".")[0] === name);
  }

  // Show a value in a field's controls, except one that is being moved or is faulty.
  put(name, value) {
    const faulty = this.isFaulty(name);
    if (faulty && this.view) return;
    const shown = faulty ? this.query.get(name) : value;
    for (const input of this.place(name).box.querySelectorAll(":scope > input, :scope > select")) {
      if (input === document.activeElement) continue;
      input.value = input.dataset.scale === "log" ? Math.log10(shown) : shown;
    }
  }

  async ask() {
    this.changed(this.query);
    this.asked ??= performance.now();
    if (this.asking) {
      this.again = true; // request only the newest state
      return;
    }
    this.asking = true;
    const { asked } = this;
    this.asked = undefined;
    const answer = await this.send(`api/${this.name}?${this.query}`);
    this.asking = false;
    if (this.again) {
      this.again = false;
      this.asked ??= asked;
      this.ask();
    }
    this.show(answer, asked);
  }

  show(answer, asked) {
    this.errors = answer.errors;
    if (answer.state) this.fill(answer);
    this.tell(answer.errors ?? {});
    this.output.classList.toggle("stale", Boolean(answer.errors));
    if (!answer.errors) {
      this.output.classList.remove("empty");
      this.view = answer;
      this.draw();
      requestAnimationFrame(() => performance.measure("isoloss-answer", { start: asked }));
    }
    this.section.dataset.answered = String(Number(this.section.dataset.answered ?? 0) + 1);
  }

  // Ask the server; show that it is busy if the answer takes long.
  async send(address, options) {
    const slow = setTimeout(() => this.output.classList.add("busy"), 300);
    try {
      const response = await fetch(address, options);
      return await response.json();
    } catch {
      return { errors: { "": "The explorer does not answer. Is isoloss explore still running?" } };
    } finally {
      clearTimeout(slow);
      this.output.classList.remove("busy");
    }
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
      if (!place?.box) {
        unplaced.push(message);
        continue;
      }
      // some messages have a caret below the first line, pointing at a place in a text
      const [first, ...rest] = `${place.prefix ?? ""}${message}`.split("\n");
      const text = element("div", { class: "error", role: "alert" }, first);
      text.id = `error-${this.name}-${name.replace(".", "-")}`;
      if (rest.length) text.append(element("pre", {}, rest.join("\n")));
      place.box.append(text);
      for (const input of place.inputs) {
        input.setAttribute("aria-invalid", "true");
        input.setAttribute("aria-describedby", text.id);
      }
    }
    const failure = this.section.querySelector(".failure");
    failure.hidden = unplaced.length === 0;
    failure.textContent = unplaced.join("\n");
  }

  // The place for a field's message, and the controls it is about: "start.1" is the second.
  place(name) {
    const [field, number] = name.split(".");
    const box = this.form.querySelector(`[data-field="${field}"]`);
    if (!box) return null;
    const inputs = [...box.querySelectorAll("input, select")];
    return {
      box,
      inputs: number === undefined ? inputs : inputs.slice(Number(number)).slice(0, 1),
    };
  }

  makeExports() {
    const files = this.name === "example" ? [""] : ["", "-filters"];
    const pictures = files.flatMap((file) =>
      ["png", "svg"].map((kind) => [
        `${file}.${kind}`,
        `${file ? "Filters" : "Figure"} (${kind.toUpperCase()})`,
      ]),
    );
    const buttons = [...pictures, [".py", "Python script"]].map(([file, text]) => {
      const button = element("button", { type: "button" }, text);
      button.addEventListener("click", () => this.save(`isoloss-${this.name}${file}`));
      return button;
    });
    this.section.querySelector(".exports").append("Save: ", ...buttons);
  }

  async save(file) {
    let response;
    try {
      response = await fetch(`export/${file}?${this.query}`);
    } catch {
      this.tell({ "": "The explorer does not answer. Is isoloss explore still running?" });
      return;
    }
    if (!response.ok) {
      this.tell((await response.json()).errors);
      return;
    }
    const link = element("a", { download: file });
    link.href = URL.createObjectURL(await response.blob());
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }
}

// Format numbers as people write them, to the given number of digits.
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
