// One output as people read it: dtype, shape, figures, a plot, the first values, a download.

import type { Dtype, Tensor } from "../../../web_runtime/src/shared/api.js";
import { h } from "../dom.js";
import { bytes, count, figure, shape } from "../format.js";
import { writeNpy } from "../npy.js";
import { at } from "./dtype.js";
import { extent, rowIndex } from "./grid.js";
import { plot } from "./plot.js";
import { show, stats } from "./stats.js";

const table = { rows: 8, columns: 16 };

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
  return h("div", { class: "many" }, summary(dtype, tensor), plot(name, dtype, tensor), values(name, dtype, tensor));
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

function values(name: string, dtype: Dtype, { data, dims }: Tensor): HTMLElement {
  const { rows, columns } = extent(dims);
  const shownRows = Math.min(rows, table.rows);
  const shownColumns = Math.min(columns, table.columns);
  const numbers = Array.from({ length: shownColumns }, (_, c) => h("th", { scope: "col" }, String(c)));
  const body = Array.from({ length: shownRows }, (_, r) => {
    const label = [...rowIndex(dims, r), ":"].join(", ");
    const cells = Array.from({ length: shownColumns }, (_, c) =>
      h("td", {}, show(dtype, at(dtype, data, r * columns + c))),
    );
    return h("tr", {}, h("th", { scope: "row" }, `[${label}]`), ...cells);
  });
  const cut = [
    shownRows < rows && `${shownRows} of ${count(rows, "row")}`,
    shownColumns < columns && `${shownColumns} of ${count(columns, "column")}`,
  ];
  const parts = cut.filter((part) => part !== false);
  return h(
    "div",
    {},
    h(
      "div",
      { class: "scroll", tabindex: 0, role: "region", "aria-label": `First values of ${name}` },
      h(
        "table",
        { class: "figure" },
        h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "index"), ...numbers)),
        h("tbody", {}, ...body),
      ),
    ),
    parts.length > 0 && h("p", { class: "hint" }, `The first ${parts.join(", ")}. The download has them all.`),
  );
}

function download(name: string, dtype: Dtype, tensor: Tensor): void {
  const url = URL.createObjectURL(new Blob([writeNpy(dtype, tensor)]));
  h("a", { href: url, download: `${name.replace(/[^\w.-]+/g, "_")}.npy` }).click();
  // The click has started the download by the next task.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
