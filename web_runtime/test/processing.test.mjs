// Pre- and post-processing against the golden vectors that Python's tests read too.
import "./typescript.mjs";
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { describe, it } from "node:test";

const golden = async (name) =>
  JSON.parse(await readFile(new URL(`../../tests/golden/${name}`, import.meta.url), "utf8"));

const processing = (file) => import(`../src/worker/processing/${file}`);

const fromBase64 = (text) => new Uint8Array(Buffer.from(text, "base64"));
const asFloats = (bytes) => new Float32Array(bytes.buffer);

/** A picture in memory, which notes what is read of it. */
function pixels({ width, height, rgb }) {
  const bytes = fromBase64(rgb);
  return {
    width,
    height,
    reads: [],
    read(x, y, columns, rows) {
      assert.ok(x >= 0 && y >= 0 && x + columns <= width && y + rows <= height, "read outside the picture");
      this.reads.push([x, y, columns, rows]);
      const result = new Uint8ClampedArray(columns * rows * 4).fill(255);
      for (let i = 0; i < columns * rows; i++) {
        const from = ((y + Math.floor(i / columns)) * width + x + (i % columns)) * 3;
        result.set(bytes.subarray(from, from + 3), i * 4);
      }
      return result;
    },
  };
}

const spec = {
  input: "x",
  fit: "cover",
  resize_height: 4,
  resize_width: 4,
  filter: "bilinear",
  height: 4,
  width: 4,
  layout: "nhwc",
  channels: "rgb",
  scale: 1,
  mean: [0],
  std: [1],
};

describe("pictures", async () => {
  const { pixelsToTensor, resizedSize } = await processing("image.ts");
  const { pictures, cases } = await golden("pictures.json");
  const byName = Object.fromEntries(pictures.map((picture) => [picture.name, picture]));

  for (const { picture, preprocess, dims, bytes, values } of cases) {
    const { fit, resize_width, resize_height, filter, width, height, layout, channels } = preprocess;
    it(`${picture}: ${fit} ${resize_width}×${resize_height} ${filter}, crop ${width}×${height}, ${channels} ${layout}`, () => {
      const tensor = pixelsToTensor(pixels(byName[picture]), preprocess);
      assert.deepEqual(tensor.dims, dims);
      assert.deepEqual(tensor.data, bytes ? Float32Array.from(fromBase64(bytes)) : asFloats(fromBase64(values)));
    });
  }

  it("reads no more of a picture than the crop needs, a few megabytes at a time", () => {
    const reads = [];
    const read = (...rectangle) => {
      reads.push(rectangle);
      return new Uint8ClampedArray(rectangle[2] * rectangle[3] * 4);
    };
    const preprocess = { ...spec, resize_height: 100, resize_width: 100, height: 50, width: 50 };
    pixelsToTensor({ width: 6000, height: 4000, read }, preprocess);
    assert.ok(reads.every(([, , columns, rows]) => columns * rows <= 1 << 20));
    const needed = reads.reduce((sum, [, , columns, rows]) => sum + columns * rows, 0);
    assert.ok(needed < 2100 * 2100, `${needed} pixels were read`);
  });

  it("refuses a sliver that would be resized to gigabytes", () => {
    const sliver = { width: 2000, height: 1, read: () => assert.fail("nothing is to be read") };
    assert.throws(() => pixelsToTensor(sliver, { ...spec, resize_height: 40 }), {
      code: "input-invalid",
      message: /2000 by 1 would be resized to 80000 by 40/,
    });
  });

  for (const [field, channels, figures] of [
    ["mean", "rgb", [0, 0]],
    ["std", "gray", [1, 1, 1]],
  ]) {
    it(`refuses ${figures.length} entries of ${field} for ${channels}`, () => {
      const preprocess = { ...spec, channels, [field]: figures };
      assert.throws(() => pixelsToTensor(pixels(byName.square), preprocess), { code: "manifest-invalid" });
    });
  }

  it("covers both sides for any shape", () => {
    for (let width = 1; width < 90; width++) {
      for (let height = 1; height < 90; height++) {
        const size = resizedSize({ width, height }, { ...spec, resize_height: 31, resize_width: 17 });
        assert.ok(size.width >= 17 && size.height >= 31 && (size.width === 17 || size.height === 31));
      }
    }
  });
});

describe("texts", async () => {
  const { createTextPreprocessor } = await processing("text.ts");
  const { tokenizers, cases } = await golden("texts.json");
  const content = Object.fromEntries(
    tokenizers.map(({ name, content }) => [name, Buffer.from(JSON.stringify(content))]),
  );

  for (const { tokenizer, preprocess, texts, tensors } of cases) {
    const { max_length, pad_to } = preprocess;
    it(`${tokenizer}, at most ${max_length}, padded to ${pad_to ?? "the longest"}: ${JSON.stringify(texts).slice(0, 80)}`, async () => {
      const made = (await createTextPreprocessor(content[tokenizer], preprocess))(texts);
      assert.deepEqual(Object.keys(made), Object.keys(tensors));
      for (const [name, { dims, data }] of Object.entries(tensors)) {
        assert.deepEqual(made[name], { dims, data: BigInt64Array.from(data.map(BigInt)) }, name);
      }
    });
  }

  const preprocess = { max_length: 8, pad_to: null, pad_id: 0, inputs: { ids: "ids", mask: null, types: null } };

  it("refuses an empty batch", async () => {
    const make = await createTextPreprocessor(content.uncased, preprocess);
    assert.throws(() => make([]), { code: "input-invalid", message: /There is no text/ });
  });

  it("refuses a limit without room for special tokens", async () => {
    const limited = createTextPreprocessor(content.uncased, { ...preprocess, max_length: 1 });
    await assert.rejects(limited, { code: "manifest-invalid", message: /adds 2 special tokens/ });
  });

  for (const bad of ["", "{}", "[]", '{"model": {"type": "Other"}}']) {
    it(`refuses a tokenizer that is ${JSON.stringify(bad)}`, async () => {
      await assert.rejects(createTextPreprocessor(Buffer.from(bad), preprocess), { code: "manifest-invalid" });
    });
  }
});

describe("characters", async () => {
  const { normalizeBert, splitBert } = await processing("characters.ts");
  const { normalized, lowered, words } = await golden("characters.json");
  const range = (from, to) => Array.from({ length: to - from }, (_, i) => from + i);
  const between = (codePoints) =>
    codePoints
      .filter((codePoint) => codePoint < 0xd800 || codePoint >= 0xe000)
      .map((codePoint) => String.fromCodePoint(codePoint))
      .join("0");
  const every = between(range(0, 0x110000));
  const settled = between([...range(0, 0x1c80), ...range(0x1e00, 0x2c00), ...range(0xff00, 0x10000)]);
  const sha256 = (text) => createHash("sha256").update(text).digest("hex");

  for (const { options, sha256: expected } of normalized) {
    it(`normalises every character as Python does, ${JSON.stringify(options)}`, () => {
      assert.equal(sha256(normalizeBert(every, options)), expected);
    });
  }

  it("lowers as Python does", () => assert.equal(sha256(normalizeBert(settled, lowered.options)), lowered.sha256));

  it("cuts words as Python does", () => assert.equal(sha256(splitBert(every).join("\n")), words));
});

const arrays = { float16: Uint16Array, float32: Float32Array, float64: Float64Array };
const tensorOf = ({ dtype, dims, data }) => ({ dims, data: new arrays[dtype](fromBase64(data).buffer) });

function assertClose(actual, expected, relative) {
  assert.equal(actual.length, expected.length);
  for (const [i, value] of expected.entries()) {
    const error = Math.abs(actual[i] - value);
    assert.ok(error <= relative * Math.abs(value), `entry ${i} is ${actual[i]}, not ${value}`);
  }
}

describe("classes", async () => {
  const { classify } = await processing("classify.ts");
  const { cases } = await golden("classifications.json");

  for (const { output, postprocess, labels, best } of cases) {
    it(`${postprocess.activation}, ${postprocess.top_k} best, ${output.dtype} [${output.dims}]`, () => {
      const made = classify(tensorOf(output), postprocess, labels);
      assert.deepEqual(
        made.map(({ index, label }) => ({ index, label })),
        best.map(({ index, label }) => ({ index, label })),
      );
      assertClose(
        made.map(({ score }) => score),
        best.map(({ score }) => score),
        1e-12,
      );
    });
  }

  const postprocess = { output: "y", activation: "softmax", top_k: 2, labels: null };
  const zeros = (...dims) => ({ data: new Float32Array(dims.reduce((a, b) => a * b)), dims });

  for (const [what, output] of Object.entries({
    "a batch": zeros(2, 3),
    nothing: zeros(1, 0),
    integers: { data: new Int32Array(3), dims: [1, 3] },
  })) {
    it(`refuses ${what}`, () => assert.throws(() => classify(output, postprocess, null), { code: "engine-failed" }));
  }

  it("refuses labels for other classes", () => {
    assert.throws(() => classify(zeros(1, 3), postprocess, ["a", "b"]), { message: /2 labels for the 3 classes/ });
  });

  it("puts NaN last", () => {
    const output = { data: Float32Array.of(Number.NaN, 1, Number.NaN, 2), dims: [1, 4] };
    const best = classify(output, { ...postprocess, activation: "none", top_k: 4 }, null);
    assert.deepEqual(
      best.map(({ index }) => index),
      [3, 1, 0, 2],
    );
  });
});

describe("vectors", async () => {
  const { embed } = await processing("embed.ts");
  const { cases } = await golden("embeddings.json");

  for (const { output, mask, postprocess, vectors } of cases) {
    const { pooling, normalize } = postprocess;
    it(`${pooling}, ${normalize ? "normalised" : "as it is"}, ${output.dtype} [${output.dims}]${mask ? ", masked" : ""}`, () => {
      const masking = mask && {
        data: BigInt64Array.from(mask.flat().map(BigInt)),
        dims: [mask.length, mask[0].length],
      };
      const made = embed(tensorOf(output), masking, postprocess);
      assert.equal(made.length, vectors.length);
      for (const [i, vector] of vectors.entries()) assertClose(made[i], vector, 2e-7);
    });
  }

  const postprocess = { output: "y", pooling: "mean", normalize: true };
  const zeros = (...dims) => ({ data: new Float32Array(dims.reduce((a, b) => a * b)), dims });

  for (const [what, output, mask] of [
    ["an output of another rank", zeros(2, 3), null],
    ["no tokens", zeros(2, 0, 3), null],
    ["integers", { data: new Int32Array(24), dims: [2, 3, 4] }, null],
    ["a mask of another shape", zeros(2, 3, 4), { data: new BigInt64Array(8), dims: [2, 4] }],
  ]) {
    it(`refuses ${what}`, () => assert.throws(() => embed(output, mask, postprocess), { code: "engine-failed" }));
  }
});
