// The form of all inputs: a field for each symbolic dim, the inputs, and the tensors that follow.

import type { Model, Tensor, Tensors } from "../../../web_runtime/src/shared/api.js";
import type { Manifest, TensorSample } from "../../../web_runtime/src/shared/manifest.gen.js";
import { Complaint } from "../complaint.js";
import { h } from "../dom.js";
import { agree, match, type Sizes, symbols } from "./dims.js";
import { type InputForm, inputForm } from "./input.js";

export interface TensorForm {
  parts: HTMLElement[];
  /** Whether the bundle brings inputs to start with. */
  sampled: boolean;
  /** The inputs as the form stands; what is wrong with one is shown beside it. Throws Complaint, and what `sample` throws. */
  fill(model: Model): Promise<Tensors>;
}

export function tensorForm(manifest: Manifest): TensorForm {
  const samples = manifest.samples.filter((sample): sample is TensorSample => sample.kind === "tensors");
  const fields = sizeFields(symbols(manifest));
  const forms = manifest.signature.inputs.map((input, i) =>
    inputForm(input, `input-${i}`, samples.length > 0, fields.set),
  );
  const which = h("select", { id: "sample" }, ...samples.map(({ name }) => h("option", { value: name }, name)));
  const choice = samples.length > 1 && h("p", { class: "field" }, h("label", { for: "sample" }, "Sample"), which);
  const none = forms.length === 0 && h("p", { class: "hint" }, "This model takes no inputs.");
  const parts = [choice, fields.element, none, ...forms.map(({ element }) => element)];
  return {
    parts: parts.filter((part) => part !== false && part !== null),
    sampled: samples.length > 0 || forms.length === 0,
    async fill(model) {
      const wanted = forms.some((form) => form.source() === "sample");
      const sample = wanted ? ((await model.sample(which.value)) as Tensors) : null;
      return collect(forms, fields, sample);
    },
  };
}

interface SizeFields {
  element: HTMLElement | null;
  get(): Sizes;
  set(sizes: Sizes): void;
}

function sizeFields(sizes: Sizes): SizeFields {
  const fields = new Map(
    [...sizes].map(([name, size]) => [
      name,
      h("input", { type: "number", min: 0, step: 1, value: size, required: true }),
    ]),
  );
  const labels = [...fields].map(([name, field]) =>
    h("label", { class: "field" }, h("span", { class: "figure" }, name), field),
  );
  return {
    element:
      labels.length > 0
        ? h("div", { class: "sizes", role: "group", "aria-label": "Sizes of the symbolic dimensions" }, ...labels)
        : null,
    get: () => new Map([...fields].map(([name, field]) => [name, read(name, field)])),
    set(next) {
      for (const [name, size] of next) {
        const field = fields.get(name);
        if (field) field.value = String(size);
      }
    },
  };
}

function read(name: string, field: HTMLInputElement): number {
  const size = field.valueAsNumber;
  if (!Number.isSafeInteger(size) || size < 0) throw new Complaint(`${name} needs a whole number, 0 or more.`);
  return size;
}

// Samples, JSON and files have dims of their own, to which the fields follow; random and zeros follow the fields.
function collect(forms: InputForm[], fields: SizeFields, sample: Tensors | null): Tensors {
  const free = (form: InputForm): boolean => form.source() === "random" || form.source() === "zeros";
  const asked: { input: string; sizes: Sizes }[] = [];
  const filled: Tensors = {};
  const fill = (form: InputForm): Tensor => {
    form.complain(null);
    try {
      const tensor = form.fill(fields.get(), sample);
      const sizes = match(form.input, tensor.dims);
      if (!free(form)) asked.push({ input: form.input.name, sizes });
      return tensor;
    } catch (error) {
      form.complain((error as Error).message);
      throw error;
    }
  };
  const entries = forms.map((form) => [form.input.name, form] as const);
  for (const [name, form] of entries) if (!free(form)) filled[name] = fill(form);
  fields.set(agree(asked));
  for (const [name, form] of entries) if (free(form)) filled[name] = fill(form);
  return filled;
}
