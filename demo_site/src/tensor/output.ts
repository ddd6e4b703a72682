// One output as people read it: dtype, shape, figures, a plot, the first values, a download.

import type { Dtype, Tensor } from "../../../web_runtime/src/shared/api.js";
import { h } from "../dom.js";
import { bytes, count, figure, shape } from "../format.js";
import { writeNpy } from "../npy.js";
import { at } from "./dtype.js";
import { plot } from "./plot.js";
import { show, stats } from "./stats.js";
import { valueTable } from "./table.js";

export function outputCard(name: string, dtype: Dtype, tensor: Tensor): HTMLElement {
  const elements = tensor.data.length;
  return h(
    "article",
    { class: "output" },
    h(
      "header",
      { class: "tensor-head" },
      h("h3", { class: "tensor-name" }, name),
      h("span", { class: "type figure" }, `${dtype} · ${shape(tensor.dims)}`),
    ),
    elements === 0
      ? h("p", { class: "hint" }, "No elements.")
      : elements === 1
        ? single(dtype, tensor)
        : many(name, dtype, tensor),
    h(
      "button",
      { type: "button", class: "quiet", click: () => download(name, dtype, tensor) },
      `Download .npy (${bytes(tensor.data.byteLength)})`,
    ),
  );
}

function single(dtype: Dtype, tensor: Tensor): HTMLElement {
  return h("p", { class: "scalar figure" }, show(dtype, at(dtype, tensor.data, 0)));
}

function many(name: string, dtype: Dtype, tensor: Tensor): HTMLElement {
  return h(
    "div",
    { class: "many" },
    summary(dtype, tensor),
    plot(name, dtype, tensor),
    valueTable(name, dtype, tensor),
  );
}

function summary(dtype: Dtype, tensor: Tensor): HTMLElement {
  const found = stats(dtype, tensor);
  const facts: [string, string][] = found
    ? [
        ["min", show(dtype, found.min)],
        ["max", show(dtype, found.max)],
        ["mean", figure(found.mean)],
      ]
    : [];
  if (!found || found.nan > 0) facts.push(["not a number", count(found ? found.nan : tensor.data.length, "element")]);
  return h(
    "dl",
    { class: "facts" },
    ...facts.map(([term, value]) => h("div", {}, h("dt", {}, term), h("dd", { class: "figure" }, value))),
  );
}

function download(name: string, dtype: Dtype, tensor: Tensor): void {
  const url = URL.createObjectURL(new Blob([writeNpy(dtype, tensor)]));
  h("a", { href: url, download: `${name.replace(/[^\w.-]+/g, "_")}.npy` }).click();
  // The click has started the download by the next task.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
