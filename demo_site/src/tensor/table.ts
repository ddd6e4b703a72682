// The first values of a tensor, rows along its last axis.

import type { Dtype, Tensor } from "../../../web_runtime/src/shared/api.js";
import { h } from "../dom.js";
import { count } from "../format.js";
import { at } from "./dtype.js";
import { extent, largest, rowIndex } from "./grid.js";
import { show } from "./stats.js";

const most = { rows: 8, columns: 16 };

export function valueTable(name: string, dtype: Dtype, tensor: Tensor): HTMLElement {
  const full = extent(tensor.dims);
  const shown = { rows: Math.min(full.rows, most.rows), columns: Math.min(full.columns, most.columns) };
  // In a row of scores, the place of the largest is the answer.
  const ranked = dtype !== "bool" && full.columns > 2;
  const heads = ["index", ranked && "largest at", ...Array.from({ length: shown.columns }, (_, c) => String(c))];
  const head = heads.map((text) => text !== false && h("th", { scope: "col" }, text));
  const rows = Array.from({ length: shown.rows }, (_, r) => {
    const label = h("th", { scope: "row" }, `[${[...rowIndex(tensor.dims, r), ":"].join(", ")}]`);
    const place = ranked && h("td", { class: "place" }, String(largest(dtype, tensor, r)));
    const values = Array.from({ length: shown.columns }, (_, c) => at(dtype, tensor.data, r * full.columns + c));
    return h("tr", {}, label, place, ...values.map((value) => h("td", {}, show(dtype, value))));
  });
  const table = h("table", { class: "figure" }, h("thead", {}, h("tr", {}, ...head)), h("tbody", {}, ...rows));
  const scroll = h(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": `First values of ${name}` },
    table,
  );
  const cut = [
    shown.rows < full.rows && `${shown.rows} of ${count(full.rows, "row")}`,
    shown.columns < full.columns && `${shown.columns} of ${count(full.columns, "column")}`,
  ].filter((part) => part !== false);
  const hint = cut.length > 0 && h("p", { class: "hint" }, `The first ${cut.join(", ")}. The download has them all.`);
  return h("div", {}, scroll, hint);
}
