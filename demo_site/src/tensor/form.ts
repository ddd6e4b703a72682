// The form of all inputs: a field for each symbolic dim, the inputs, and the tensors that follow.

import type { Model, Tensor, Tensors } from "../../../web_runtime/src/shared/api.js";
import type { Manifest, TensorSample } from "../../../web_runtime/src/shared/manifest.gen.js";
import { Complaint } from "../complaint.js";
import { h } from "../dom.js";
import { agree, match, type Sizes, symbols } from "./dims.js";
import { InputForm } from "./input.js";

export class TensorForm {
  readonly parts: HTMLElement[];
  /** Whether the bundle brings what a first run needs. */
  readonly complete: boolean;
  readonly #sizes: SizeFields;
  readonly #forms: InputForm[];
  readonly #which: HTMLSelectElement;

  constructor(manifest: Manifest) {
    const samples = manifest.samples.filter((sample): sample is TensorSample => sample.kind === "tensors");
    const sampled = samples.length > 0;
    this.#sizes = new SizeFields(symbols(manifest));
    this.#forms = manifest.signature.inputs.map(
      (input, i) => new InputForm(input, { id: `input-${i}`, sampled, onSizes: (sizes) => this.#sizes.set(sizes) }),
    );
    this.#which = h("select", { id: "sample" }, ...samples.map(({ name }) => h("option", { value: name }, name)));
    this.complete = sampled || this.#forms.length === 0;
    const choice = h("div", { class: "field" }, h("label", { for: "sample" }, "Sample"), this.#which);
    const none = h("p", { class: "hint" }, "This model takes no inputs.");
    const above = [samples.length > 1 && choice, this.#sizes.element, this.#forms.length === 0 && none];
    this.parts = [...above.filter((part) => part instanceof HTMLElement), ...this.#forms.map(({ element }) => element)];
  }

  /** The inputs as the form stands; what is wrong with one is shown beside it. Throws Complaint, and what `sample` throws. */
  async fill(model: Model): Promise<Tensors> {
    const wanted = this.#forms.some(({ source }) => source === "sample");
    const sample = wanted ? ((await model.sample(this.#which.value)) as Tensors) : null;
    const fill = (follows: boolean): Filled[] => {
      const sizes = this.#sizes.get();
      const forms = this.#forms.filter((form) => form.follows === follows);
      return forms.map((form) => ({ form, tensor: fillOne(form, sizes, sample) }));
    };
    const own = fill(false);
    // Samples, JSON and files have dims of their own, which the fields follow; random and zeros follow the fields.
    this.#sizes.set(
      agree(own.map(({ form: { input }, tensor }) => ({ input: input.name, sizes: match(input, tensor.dims) }))),
    );
    return Object.fromEntries([...own, ...fill(true)].map(({ form, tensor }) => [form.input.name, tensor]));
  }
}

interface Filled {
  form: InputForm;
  tensor: Tensor;
}

function fillOne(form: InputForm, sizes: Sizes, sample: Tensors | null): Tensor {
  form.complain(null);
  try {
    const tensor = form.fill(sizes, sample);
    match(form.input, tensor.dims);
    return tensor;
  } catch (error) {
    if (!(error instanceof Complaint)) throw error;
    form.complain(error.message);
    error.shown = true;
    throw error;
  }
}

class SizeFields {
  /** Null where no dim is symbolic. */
  readonly element: HTMLElement | null;
  readonly #fields: Map<string, HTMLInputElement>;

  constructor(sizes: Sizes) {
    const field = (size: number): HTMLInputElement =>
      h("input", { type: "number", min: 0, step: 1, value: size, inputmode: "numeric" });
    this.#fields = new Map([...sizes].map(([name, size]) => [name, field(size)]));
    const labels = [...this.#fields].map(([name, input]) =>
      h("label", { class: "field" }, h("span", { class: "figure" }, name), input),
    );
    const hint = h("p", { class: "hint" }, "For random and zeros; samples, JSON and files bring their own sizes.");
    const group = h(
      "div",
      { class: "sizes", role: "group", "aria-label": "Sizes of the symbolic dimensions" },
      ...labels,
      hint,
    );
    this.element = labels.length > 0 ? group : null;
  }

  /** Throws Complaint where a field holds no size. */
  get(): Sizes {
    return new Map([...this.#fields].map(([name, { valueAsNumber }]) => [name, checked(name, valueAsNumber)]));
  }

  set(sizes: Sizes): void {
    for (const [name, size] of sizes) {
      const field = this.#fields.get(name);
      if (field) field.value = String(size);
    }
  }
}

function checked(name: string, size: number): number {
  if (!Number.isSafeInteger(size) || size < 0) throw new Complaint(`${name} needs a whole number, 0 or more.`);
  return size;
}
