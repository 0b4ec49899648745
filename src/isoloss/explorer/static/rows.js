// Your data: a shipped data set, or a file that is sent to this machine's own server.
import { Comparing } from "./comparing.js";
import { element } from "./tab.js";

export class Rows extends Comparing {
  constructor(name, changed) {
    super(name, changed);
    const at = (id) => document.getElementById(id);
    at("data-set").addEventListener("change", (event) => {
      if (event.target.value === "file" && !this.query.get("file")) at("upload").click();
      else this.set({ data: event.target.value, target: null, task: null });
    });
    at("upload").addEventListener(
      "change",
      (event) => event.target.files[0] && this.upload(event.target.files[0]),
    );
    at("target-column").addEventListener("change", (event) =>
      this.set({ target: event.target.value }),
    );
    at("task").addEventListener("change", (event) => this.set({ task: event.target.value }));
  }

  async upload(file) {
    let answer;
    try {
      const response = await fetch(`api/upload?${new URLSearchParams({ name: file.name })}`, {
        method: "POST",
        body: file,
      });
      answer = await response.json();
    } catch {
      answer = {
        errors: { file: "The file could not be sent. Is isoloss explore still running?" },
      };
    }
    if (answer.errors) {
      this.tell(answer.errors);
      this.section.dataset.answered = String(Number(this.section.dataset.answered ?? 0) + 1);
    } else this.set({ data: "file", file: answer.file, name: file.name, target: null, task: null });
  }

  fill(state) {
    super.fill(state);
    for (const name of ["test_size", "seed"]) this.put(name, state[name]);
    document.getElementById("data-set").value = state.data;
    document.getElementById("task").value = state.task;
    document.getElementById("upload-name").textContent =
      state.data === "file" ? `showing ${state.name}` : "";
    const select = document.getElementById("target-column");
    select.replaceChildren(
      element("option", { value: "" }, "the usual one"),
      ...this.view.columns.map((name) => element("option", { value: name }, name)),
    );
    select.value = state.target;
  }
}
