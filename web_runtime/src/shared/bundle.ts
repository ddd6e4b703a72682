// What the types know of a bundle's own model: nothing, here. In the packager.d.ts of a bundle, `packager build` writes the
// model's own in place of these, and `load()` gives a model of exactly these inputs and outputs.

import type { Task } from "./api.js";
import type { Tensors } from "./tensor.js";

export type ModelTask = Task;
export type Inputs = Tensors;
export type Outputs = Tensors;
