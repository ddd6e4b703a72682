// Makes packager.d.ts: the public types of the runtime in one file that imports nothing.
//
// tsc writes a declaration file for each source. From the statements of all of them, those that the public surface needs are
// kept, in one scope. The types generated from the schema stay in a namespace of their own (`Schema`), because names such as
// Task and File mean something else outside of it.
//
// The part after the marker line is what the model of a bundle decides: its task, its inputs, its outputs. Here it says "any
// model"; `packager build` replaces everything after the marker, for example by
//
//   type ModelTask = "text-embedding";
//   interface Inputs { input_ids: Tensor<"int64">; attention_mask: Tensor<"int64"> }
//   interface Outputs { last_hidden_state: Tensor<"float32"> }
//
// and `load()` then gives a Model of exactly these.
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

export const marker = "// ---- The model of this bundle; `packager build` writes what follows ----";

const notice = "// The public types of packager.js. Made by web_runtime/declarations.mjs; do not edit.\n";
const entry = "page/index.d.ts";
const schema = "shared/manifest.gen.d.ts";
const model = "shared/bundle.d.ts";

const borders = /^(?:import|export) (?:type )?\{([^}]*)\}(?: from "([^"]+)")?;\n/gm;
const declared = /^export (?:declare )?(?:abstract )?(?:class|function|interface|type|const) (\w+)/;

/** The text of packager.d.ts. */
export async function declarations(root) {
  const folder = await mkdtemp(join(tmpdir(), "packager-types-"));
  try {
    await emit(root, folder);
    const files = new Map();
    await collect(folder, entry, files);
    return assemble(files);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function emit(root, folder) {
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const flags = ["--noEmit", "false", "--declaration", "--emitDeclarationOnly", "--rootDir", "web_runtime/src"];
  const args = [tsc, "-p", "web_runtime/tsconfig.page.json", ...flags, "--outDir", folder];
  try {
    await promisify(execFile)(process.execPath, args, { cwd: root });
  } catch (error) {
    throw new Error(`tsc could not write the declarations:\n${error.stdout ?? error}`);
  }
}

/** Reads a declaration file and all that it imports. */
async function collect(folder, path, files) {
  if (files.has(path)) return;
  const text = await readFile(join(folder, path), "utf8");
  files.set(path, text);
  for (const [, , target] of text.matchAll(borders)) {
    if (target) await collect(folder, join(dirname(path), target.replace(/\.js$/, ".d.ts")), files);
  }
}

function assemble(files) {
  const surface = names(files.get(entry));
  const types = statements(files.get(schema));
  const rest = [...files].filter(([path]) => path !== schema && path !== model).flatMap(([, text]) => statements(text));
  for (const { name } of types) {
    const imported = [...files.values()].some((text) =>
      new RegExp(`import [^;]*\\b${name}\\b[^;]*manifest\\.gen\\.js`).test(text),
    );
    if (imported) rest.push({ name, text: `type ${name} = Schema.${name};\n` });
  }
  const bundle = statements(files.get(model));
  const kept = reachable([...rest, ...bundle], surface);
  return [
    notice,
    ...kept.filter((statement) => !bundle.includes(statement)).map(({ text }) => `${text}\n`),
    `declare namespace Schema {\n${types.map(({ text }) => indent(`export ${text}`)).join("")}}\n\n`,
    `export {\n${surface.map((name) => `  ${name},\n`).join("")}};\n\n`,
    `${marker}\n`,
    ...bundle.map(({ text }) => text),
  ].join("");
}

/** What a file exports, as an export statement lists it. */
function names(text) {
  const listed = [...text.matchAll(borders)]
    .filter(([statement]) => statement.startsWith("export"))
    .flatMap(([statement, list]) => {
      const kind = statement.startsWith("export type") ? "type " : "";
      return list.match(/\w+/g).map((name) => kind + name);
    });
  return [...listed, ...statements(text).map(({ name }) => name)];
}

/** The exported statements of a file, each with the comment before it, without the word `export`. */
function statements(text) {
  const chunks = text.replace(borders, "").split(/^(?=\/\*\*|export )/m);
  const found = [];
  let comment = "";
  for (const chunk of chunks) {
    const name = chunk.match(declared)?.[1];
    if (name) found.push({ name, text: `${comment}${chunk.replace(/^export /, "").trimEnd()}\n` });
    comment = chunk.startsWith("/**") && !/referenced by/.test(chunk) ? chunk : "";
  }
  return found;
}

/** The statements that these names need, directly or through others, in their order. */
function reachable(all, surface) {
  const kept = new Set();
  const visit = (text) => {
    const words = new Set(text.match(/\w+/g));
    for (const statement of all) {
      if (kept.has(statement) || !words.has(statement.name)) continue;
      kept.add(statement);
      visit(statement.text);
    }
  };
  visit(surface.join(" "));
  return all.filter((statement) => kept.has(statement));
}

const indent = (text) => text.replace(/^(?=.)/gm, "  ");
