// tensor: a form from the signature, a run, the outputs. Any model ends as a usable page.

import type { Manifest } from "../../../web_runtime/src/shared/manifest.gen.js";
import { h, setText } from "../dom.js";
import { count } from "../format.js";
import { clearError, showError } from "../notice.js";
import { markFirstResult, type Runner } from "../runner.js";
import { say } from "../said.js";
import { tensorForm } from "../tensor/form.js";
import { outputCard } from "../tensor/output.js";

export function mountTensor(stage: HTMLElement, manifest: Manifest, runner: Runner): void {
  const { outputs } = manifest.signature;
  const inputs = tensorForm(manifest);
  const button = h("button", { type: "submit", class: "primary" }, "Run");
  const wrong = h("div");
  const results = h(
    "div",
    { class: "outputs" },
    h("p", { class: "empty" }, `${count(outputs.length, "output")} after a run`),
  );

  const run = async (): Promise<void> => {
    clearError(wrong);
    button.disabled = true;
    setText(button, "Running");
    results.setAttribute("aria-busy", "true");
    try {
      const found = await runner.run(async (model) => model.infer(await inputs.fill(model)));
      const cards = outputs.map(({ name, dtype }) => found[name] && outputCard(name, dtype, found[name]));
      results.replaceChildren(...cards.filter((card) => card !== undefined));
      markFirstResult();
      say(`${count(cards.length, "output")} computed`);
    } catch (error) {
      showError(wrong, error, () => void run());
    } finally {
      button.disabled = false;
      setText(button, "Run");
      results.removeAttribute("aria-busy");
    }
  };

  const form = h(
    "form",
    { class: "tensor-form", novalidate: true },
    h("h3", {}, "Inputs"),
    ...inputs.parts,
    h("p", { class: "controls" }, button),
    wrong,
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void run();
  });
  const answers = h("section", { "aria-labelledby": "outputs" }, h("h3", { id: "outputs" }, "Outputs"), results);
  stage.replaceChildren(h("div", { class: "tensor-view" }, form, answers));
  if (inputs.sampled) void run();
}
