// The form of one input: where its elements come from, and the tensor that follows.

import type { Tensor, Tensors } from "../../../web_runtime/src/shared/api.js";
import type { TensorType } from "../../../web_runtime/src/shared/manifest.gen.js";
import { Complaint } from "../complaint.js";
import { h, setText } from "../dom.js";
import { shape } from "../format.js";
import { type NpyArray, readNpy } from "../npy.js";
import { matchNpy, resolve, type Sizes } from "./dims.js";
import { describe, fromJson, random, zeros } from "./fill.js";

const sources = { sample: "Sample", random: "Random", zeros: "Zeros", json: "JSON", npy: ".npy" } as const;
type Source = keyof typeof sources;

export interface InputForm {
  element: HTMLElement;
  input: TensorType;
  source(): Source;
  /** The tensor as the form stands; random and zeros take these sizes. Throws Complaint. */
  fill(sizes: Sizes, sample: Tensors | null): Tensor;
  /** Shows what is wrong with this input; null takes it away. */
  complain(message: string | null): void;
}

/** `id` is unique in the page; `sampled`: the bundle brings a sample; `onSizes` hears of the sizes that a file brings. */
export function inputForm(input: TensorType, id: string, sampled: boolean, onSizes: (sizes: Sizes) => void): InputForm {
  const said = h("p", { class: "hint" });
  const wrong = h("p", { class: "wrong", id: `${id}-wrong`, role: "alert" });
  const describedby = { "aria-describedby": wrong.id };
  const json = h("textarea", {
    rows: 4,
    spellcheck: "false",
    class: "figure",
    "aria-label": `JSON for ${input.name}`,
    ...describedby,
  });
  json.placeholder = input.shape.length === 0 ? "0" : "[[0, 1], [2, 3]]";
  const picker = h("input", {
    type: "file",
    accept: ".npy",
    "aria-label": `.npy file for ${input.name}`,
    ...describedby,
  });
  const complain = (message: string | null): void => setText(wrong, message ?? "");
  let source: Source = sampled ? "sample" : "random";
  let file: NpyArray | null = null;

  const choose = (next: Source): void => {
    source = next;
    json.hidden = next !== "json";
    picker.hidden = next !== "npy";
    setText(said, next === "random" ? describe(input.dtype) : next === "sample" ? "as the bundle brings it" : "");
    said.hidden = said.textContent === "";
    complain(null);
  };

  picker.addEventListener("change", async () => {
    complain(null);
    file = null;
    try {
      const [picked] = picker.files ?? [];
      if (!picked) return;
      const array = readNpy(await picked.arrayBuffer());
      onSizes(matchNpy(input, array));
      file = array;
    } catch (error) {
      complain((error as Error).message);
    }
  });

  const fill = (sizes: Sizes, sample: Tensors | null): Tensor => {
    const dims = resolve(input.shape, sizes);
    if (source === "zeros") return zeros(input.dtype, dims);
    if (source === "random") return random(input.dtype, dims);
    if (source === "json") return fromJson(input.dtype, json.value, dims);
    const tensor = source === "npy" ? file : sample?.[input.name];
    if (!tensor)
      throw new Complaint(
        source === "npy"
          ? `Choose a .npy file for ${input.name}.`
          : `The sample has no ${input.name}. Choose another source.`,
      );
    return tensor;
  };

  const offered = (Object.keys(sources) as Source[]).filter((name) => sampled || name !== "sample");
  const segments = offered.map((name) => {
    const radio = h("input", {
      type: "radio",
      name: `${id}-source`,
      value: name,
      checked: name === source,
      change: () => choose(name),
    });
    return h("label", {}, radio, h("span", {}, sources[name]));
  });
  choose(source);
  const head = [
    h("span", { class: "tensor-name" }, input.name),
    h("span", { class: "type figure" }, `${input.dtype} · ${shape(input.shape)}`),
  ];
  const element = h(
    "fieldset",
    { class: "input" },
    h("legend", { class: "tensor-head" }, ...head),
    h("div", { class: "segments" }, ...segments),
    said,
    json,
    picker,
    wrong,
  );
  return { element, input, source: () => source, fill, complain };
}
