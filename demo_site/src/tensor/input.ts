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

export interface InputOptions {
  /** Unique in the page. */
  id: string;
  /** Whether the bundle brings a sample. */
  sampled: boolean;
  /** Hears of the sizes that a file brings. */
  onSizes: (sizes: Sizes) => void;
}

export class InputForm {
  readonly element: HTMLElement;
  readonly input: TensorType;
  readonly #options: InputOptions;
  readonly #said = h("p", { class: "hint" });
  readonly #wrong: HTMLElement;
  readonly #json: HTMLTextAreaElement;
  readonly #picker: HTMLInputElement;
  #source: Source;
  #file: NpyArray | null = null;

  constructor(input: TensorType, options: InputOptions) {
    this.input = input;
    this.#options = options;
    this.#source = options.sampled ? "sample" : "random";
    this.#wrong = h("p", { class: "wrong", id: `${options.id}-wrong`, role: "alert" });
    const common = { "aria-describedby": this.#wrong.id };
    const placeholder = input.shape.length === 0 ? "0" : "[[0, 1], [2, 3]]";
    const label = (kind: string): string => `${kind} for ${input.name}`;
    this.#json = h("textarea", {
      rows: 4,
      spellcheck: "false",
      class: "figure",
      placeholder,
      "aria-label": label("JSON"),
      ...common,
    });
    this.#picker = h("input", {
      type: "file",
      accept: ".npy",
      "aria-label": label(".npy file"),
      change: () => void this.#read(),
      ...common,
    });
    this.element = h(
      "fieldset",
      { class: "input" },
      this.#legend(),
      this.#segments(),
      this.#said,
      this.#json,
      this.#picker,
      this.#wrong,
    );
    this.#choose(this.#source);
  }

  get source(): Source {
    return this.#source;
  }

  /** Whether the dims follow the fields of the symbolic dims; other sources bring their own. */
  get follows(): boolean {
    return this.#source === "random" || this.#source === "zeros";
  }

  /** The tensor as the form stands. Throws Complaint. */
  fill(sizes: Sizes, sample: Tensors | null): Tensor {
    const { dtype, name } = this.input;
    const dims = resolve(this.input.shape, sizes);
    if (this.#source === "zeros") return zeros(dtype, dims);
    if (this.#source === "random") return random(dtype, dims);
    if (this.#source === "json") return fromJson(dtype, this.#json.value, dims);
    const tensor = this.#source === "npy" ? this.#file : sample?.[name];
    if (tensor) return tensor;
    throw new Complaint(
      this.#source === "npy" ? `Choose a .npy file for ${name}.` : `The sample has no ${name}. Choose another source.`,
    );
  }

  /** Shows what is wrong with this input; null takes it away. */
  complain(message: string | null): void {
    setText(this.#wrong, message ?? "");
    if (message) this.element.scrollIntoView({ block: "nearest" });
  }

  #legend(): HTMLElement {
    const { name, dtype, shape: dims } = this.input;
    const type = h("span", { class: "type figure" }, `${dtype} · ${shape(dims)}`);
    return h("legend", { class: "tensor-head" }, h("span", { class: "tensor-name" }, name), type);
  }

  #segments(): HTMLElement {
    const offered = (Object.keys(sources) as Source[]).filter((source) => this.#options.sampled || source !== "sample");
    const labels = offered.map((source) => {
      const checked = source === this.#source;
      const radio = h("input", {
        type: "radio",
        name: `${this.#options.id}-source`,
        value: source,
        checked,
        change: () => this.#choose(source),
      });
      return h("label", {}, radio, h("span", {}, sources[source]));
    });
    return h("div", { class: "segments" }, ...labels);
  }

  #choose(source: Source): void {
    this.#source = source;
    this.#json.hidden = source !== "json";
    this.#picker.hidden = source !== "npy";
    setText(this.#said, describe(this.input.dtype));
    this.#said.hidden = source !== "random";
    this.complain(null);
  }

  async #read(): Promise<void> {
    this.complain(null);
    this.#file = null;
    try {
      const [picked] = this.#picker.files ?? [];
      if (!picked) return;
      const array = readNpy(await picked.arrayBuffer());
      this.#options.onSizes(matchNpy(this.input, array));
      this.#file = array;
    } catch (error) {
      this.complain((error as Error).message);
    }
  }
}
