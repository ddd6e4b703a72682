// The engine of the target webgl: TensorFlow.js runs a graph model on the GPU.

import "@tensorflow/tfjs-backend-webgl";
import "@tensorflow/tfjs-converter/dist/flags.js";
import { GraphExecutor } from "@tensorflow/tfjs-converter/dist/executor/graph_executor.js";
import { isControlFlow, isDynamicShape } from "@tensorflow/tfjs-converter/dist/executor/model_analysis.js";
import { OperationMapper } from "@tensorflow/tfjs-converter/dist/operations/operation_mapper.js";
import { dispose, type Tensor as Held, type NamedTensorMap, tensor } from "@tensorflow/tfjs-core";
import type { Device } from "../../src/shared/api.js";
import type { Session, SessionOptions } from "../../src/shared/engine.js";
import { isPackagerError } from "../../src/shared/errors.js";
import type { Signature } from "../../src/shared/manifest.gen.js";
import type { Tensor, Tensors } from "../../src/shared/tensor.js";
import { type Card, failed, startCard } from "./device.js";
import { bind, type GraphModel, readGraph, refused, sizesOf } from "./graph.js";
import { download, upload } from "./tensors.js";
import { expand } from "./weights.js";

/** Starts WebGL. */
export async function prepare(): Promise<void> {
  await startCard();
}

export async function createSession({ graph: bytes, weights, signature }: SessionOptions): Promise<Session> {
  const card = await startCard();
  const graph = readGraph(bytes);
  agree(graph, signature);
  const { executor, isDynamic } = load(graph, weights);
  return new WebglSession(card, graph, executor, isDynamic, signature);
}

/** The graph's own names for the signature's tensors, in its order. */
function agree({ inputs, outputs }: GraphModel, signature: Signature): void {
  for (const [given, wanted] of [
    [inputs, signature.inputs],
    [outputs, signature.outputs],
  ] as const) {
    const [names, expected] = [given.map(({ name }) => name), wanted.map(({ name }) => name)];
    if (names.join("\n") !== expected.join("\n")) throw refused(`it has ${names} where the signature has ${expected}`);
  }
}

/** Checks that every operator is known, and takes the weights in. */
function load(graph: GraphModel, contents: SessionOptions["weights"]) {
  const { topology, weights } = graph;
  try {
    const model = OperationMapper.Instance.transformGraph(topology, {});
    const nodes = [model, ...Object.values(model.functions ?? {})].flatMap((part) => Object.values(part.nodes));
    const unknown = new Set(nodes.filter(({ category }) => !category).map(({ op }) => op));
    if (unknown.size > 0) throw refused(`TensorFlow.js has no ${[...unknown].join(", ")} here`);
    const executor = new GraphExecutor(model);
    executor.weightMap = Object.fromEntries(
      weights.map((weight) => [weight.name, [tensor(expand(weight, contents), weight.shape, weight.dtype)]]),
    );
    contents.clear();
    // What such a graph computes, or how much, the numbers decide: it is run step by step.
    const isDynamic = nodes.some((node) => isControlFlow(node) || isDynamicShape(node));
    return { executor, isDynamic };
  } catch (cause) {
    throw isPackagerError(cause) ? cause : refused(cause instanceof Error ? cause.message : String(cause));
  }
}

class WebglSession implements Session {
  readonly threads = 1;
  readonly device: Device;
  readonly #card: Card;
  readonly #graph: GraphModel;
  readonly #executor: GraphExecutor;
  readonly #signature: Signature;
  readonly #isDynamic: boolean;
  readonly #weights: Set<Held>;

  constructor(card: Card, graph: GraphModel, executor: GraphExecutor, isDynamic: boolean, signature: Signature) {
    this.device = card.about;
    this.#card = card;
    this.#graph = graph;
    this.#executor = executor;
    this.#isDynamic = isDynamic;
    this.#signature = signature;
    this.#weights = new Set(Object.values(executor.weightMap).flat());
  }

  async infer(inputs: Tensors): Promise<Tensors> {
    this.#card.check();
    const feeds = this.#feeds(inputs);
    const running = this.#run(feeds);
    running.catch(() => undefined);
    try {
      // The library does not come back from a run on a card that is gone.
      return await Promise.race([running, this.#card.lost]);
    } catch (error) {
      this.#card.check();
      throw isPackagerError(error) ? error : failed("The model could not be run on the GPU.", error);
    } finally {
      dispose(feeds);
    }
  }

  #feeds(inputs: Tensors): NamedTensorMap {
    const { inputs: places, sizes } = this.#graph;
    const given = this.#signature.inputs.map(({ name }) => inputs[name] as Tensor);
    const symbols = bind(
      this.#graph,
      given.map(({ dims }) => dims),
    );
    const feeds: NamedTensorMap = {};
    for (const entry of sizes) feeds[entry.name] = tensor(sizesOf(entry, symbols), entry.shape, "int32");
    this.#signature.inputs.forEach(({ name, dtype }, i) => {
      feeds[(places[i] as GraphModel["inputs"][number]).tensor] = upload(name, dtype, given[i] as Tensor);
    });
    return feeds;
  }

  async #run(feeds: NamedTensorMap): Promise<Tensors> {
    const names = this.#graph.outputs.map(({ tensor }) => tensor);
    const results: Held[] = this.#isDynamic
      ? ((await this.#executor.executeAsync(feeds, names)) as Held[])
      : this.#executor.execute(feeds, names);
    try {
      const data = await Promise.all(results.map((result) => result.data()));
      return Object.fromEntries(
        this.#signature.outputs.map(({ name, dtype }, i) => [
          name,
          download(dtype, (results[i] as Held).shape, data[i] as Float32Array),
        ]),
      );
    } finally {
      // A weight may be a result as it is.
      dispose(results.filter((result) => !this.#weights.has(result)));
    }
  }

  async dispose(): Promise<void> {
    this.#executor.dispose();
  }
}
