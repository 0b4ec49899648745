// Your data: a shipped data set, or a file that is sent to the server on this machine.
import { Comparing } from "./comparing.js";
import { element } from "./tab.js";

const OF_THE_DATA = { target: null, ignore: null, task: null }; // reset for another data set

export class Rows extends Comparing {
  constructor(name, changed) {
    super(name, changed);
    this.chosen = document.getElementById("data-set");
    this.target = document.getElementById("target-column");
    this.ignored = document.getElementById("ignore");
    const upload = document.getElementById("upload");
    const task = document.getElementById("task");
    this.chosen.addEventListener("change", () => {
      const data = this.chosen.value;
      if (data !== "file" || this.query.get("file")) {
        this.set({ data, ...OF_THE_DATA });
        return;
      }
      this.chosen.value = this.view?.state.data ?? "diabetes"; // until a file is uploaded
      upload.click();
    });
    upload.addEventListener("change", async () => {
      const [file] = upload.files;
      if (file) await this.upload(file);
      upload.value = ""; // so that the same file can be chosen again
    });
    this.target.addEventListener("change", () => this.set({ target: this.target.value || null }));
    this.ignored.addEventListener("change", () =>
      this.set({ ignore: [...this.ignored.selectedOptions].map((option) => option.value) }),
    );
    task.addEventListener("change", () => this.set({ task: task.value }));
  }

  async upload(file) {
    const shown = document.getElementById("upload-name");
    const before = shown.textContent;
    shown.textContent = `reading ${file.name} …`;
    const name = new URLSearchParams({ name: file.name });
    const answer = await this.send(`api/upload?${name}`, { method: "POST", body: file });
    if (answer.errors) {
      shown.textContent = before;
      this.show(answer);
      return;
    }
    // keep the settings of a link if this is its file
    const same = answer.file === this.query.get("file");
    this.set({
      data: "file",
      file: answer.file,
      name: answer.name,
      ...(same ? {} : OF_THE_DATA),
    });
  }

  fill({ state, columns, usual }) {
    super.fill({ state });
    for (const name of ["test_size", "seed"]) this.put(name, state[name]);
    this.chosen.value = state.data;
    document.getElementById("task").value = state.task;
    document.getElementById("upload-name").textContent =
      state.data === "file" ? `showing ${state.name}` : "";
    if (!columns) return;
    const named = (name) => element("option", { value: name }, name);
    this.target.replaceChildren(
      element("option", { value: "" }, `the usual one (${usual})`),
      ...columns.map(named),
    );
    this.target.value = columns.includes(state.target) ? state.target : "";
    if (this.ignored === document.activeElement) return;
    this.ignored.replaceChildren(...columns.map(named));
    for (const option of this.ignored.options)
      option.selected = state.ignore.includes(option.value);
  }
}
