// Lets a test import our TypeScript, which Node cannot read as it is: import this file first, and then `await import(…)` that.
import { register } from "node:module";

register("./typescript-hooks.mjs", import.meta.url);
