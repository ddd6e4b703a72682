// tensor: a form from the signature, a run, the outputs. Any model ends as a usable page.

import type { Manifest, TensorType } from "../../../web_runtime/src/shared/manifest.gen.js";
import { Complaint } from "../complaint.js";
import { h, setText } from "../dom.js";
import { count } from "../format.js";
import { clearError, showError } from "../notice.js";
import { markFirstResult, type Runner } from "../runner.js";
import { say } from "../said.js";
import { TensorForm } from "../tensor/form.js";
import { outputCard } from "../tensor/output.js";

export function mountTensor(stage: HTMLElement, manifest: Manifest, runner: Runner): void {
  const view = new TensorView(manifest, runner);
  stage.replaceChildren(view.element);
  view.begin();
}

class TensorView {
  readonly element: HTMLElement;
  readonly #runner: Runner;
  readonly #outputs: TensorType[];
  readonly #inputs: TensorForm;
  readonly #button = h("button", { type: "submit", class: "primary" }, "Run");
  readonly #wrong = h("div");
  readonly #results: HTMLElement;
  #busy = false;

  constructor(manifest: Manifest, runner: Runner) {
    this.#runner = runner;
    this.#outputs = manifest.signature.outputs;
    this.#inputs = new TensorForm(manifest);
    const foot = [h("p", { class: "controls" }, this.#button), this.#wrong];
    const submit = (event: Event): void => {
      event.preventDefault();
      if (!this.#busy) void this.#run();
    };
    const form = h(
      "form",
      { class: "tensor-form", novalidate: true, submit },
      h("h2", {}, "Inputs"),
      ...this.#inputs.parts,
      ...foot,
    );
    this.#results = h("div", { class: "outputs" }, this.#empty());
    const answers = h(
      "section",
      { "aria-labelledby": "outputs" },
      h("h2", { id: "outputs" }, "Outputs"),
      this.#results,
    );
    this.element = h("div", { class: "tensor-view" }, form, answers);
  }

  /** A sample shows what the model does before anyone has to do anything. */
  begin(): void {
    if (this.#inputs.complete) void this.#run();
  }

  async #run(): Promise<void> {
    clearError(this.#wrong);
    this.#setBusy(true);
    try {
      const found = await this.#runner.run(async (model) => model.infer(await this.#inputs.fill(model)));
      const cards = this.#outputs.map(({ name, dtype }) => found[name] && outputCard(name, dtype, found[name]));
      this.#results.replaceChildren(...cards.filter((card) => card !== undefined));
      markFirstResult();
      say(`${count(cards.length, "output")} computed`);
    } catch (error) {
      // What a visitor gave is to be changed, not tried again.
      if (!(error instanceof Complaint)) this.#fail(error);
      else if (!error.shown) showError(this.#wrong, error);
    } finally {
      this.#setBusy(false);
    }
  }

  /** The outputs of an earlier run are not those of these inputs. */
  #fail(error: unknown): void {
    this.#results.replaceChildren(this.#empty());
    showError(this.#wrong, error, () => void this.#run());
  }

  #empty(): HTMLElement {
    return h("p", { class: "empty" }, `${count(this.#outputs.length, "output")} after a run`);
  }

  #setBusy(busy: boolean): void {
    this.#busy = busy;
    // Not `disabled`, which would take the focus away.
    this.#button.setAttribute("aria-disabled", String(busy));
    setText(this.#button, busy ? "Running" : "Run");
    this.#results.setAttribute("aria-busy", String(busy));
  }
}
