// Picture to tensor, once it is decoded: resize, crop, choose channels, scale, lay out.

import { PackagerError } from "../../shared/errors.js";
import type { ImagePreprocess } from "../../shared/manifest.gen.js";
import type { Tensor } from "../../shared/tensor.js";
import { type PixelSource, resize, type Span } from "./resize.js";

/** Of a resized picture, in pixels: a sliver of a picture that must cover a square would otherwise take gigabytes. */
const LARGEST_SIDE = 65_535;

export interface Size {
  width: number;
  height: number;
}

/** The tensor that the model takes, [1, channels, height, width] or, for the layout nhwc, [1, height, width, channels]. */
export function pixelsToTensor(source: PixelSource, preprocess: ImagePreprocess): Tensor<"float32"> {
  const size = resizedSize(source, preprocess);
  if (Math.max(size.width, size.height) > LARGEST_SIDE) {
    const [from, to] = [source, size].map(({ width, height }) => `${width} by ${height}`);
    const message = `A picture of ${from} would be resized to ${to}, past ${LARGEST_SIDE} a side. Cut it nearer to a square.`;
    throw new PackagerError("input-invalid", message);
  }
  const { width, height } = preprocess;
  const left = Math.floor((size.width - width) / 2);
  const top = Math.floor((size.height - height) / 2);
  const columns = inside(left, width, size.width);
  const rows = inside(top, height, size.height);
  const rgb = resize(source, size, preprocess.filter, columns, rows);
  return toTensor(place(rgb, columns, rows, { left, top, width, height }), preprocess);
}

/** The size to which a picture is resized before it is cropped. */
export function resizedSize(picture: Size, preprocess: ImagePreprocess): Size {
  const { fit, resize_width: width, resize_height: height } = preprocess;
  if (fit === "stretch") return { width, height };
  // The side that has further to go is met exactly; the other is rounded down, which still covers.
  return width * picture.height >= height * picture.width
    ? { width, height: Math.floor((picture.height * width) / picture.width) }
    : { width: Math.floor((picture.width * height) / picture.height), height };
}

/** The part of a crop from `start` that lies within 0 … `end`. */
function inside(start: number, length: number, end: number): Span {
  return { start: Math.max(0, start), end: Math.min(end, start + length) };
}

/** The crop; where the resized picture is smaller than that, black surrounds it. */
function place(
  rgb: Uint8ClampedArray,
  columns: Span,
  rows: Span,
  crop: Size & { left: number; top: number },
): Uint8ClampedArray {
  if (rgb.length === crop.width * crop.height * 3) return rgb;
  const canvas = new Uint8ClampedArray(crop.width * crop.height * 3);
  const line = (columns.end - columns.start) * 3;
  for (let y = rows.start; y < rows.end; y++) {
    const from = (y - rows.start) * line;
    const to = ((y - crop.top) * crop.width + columns.start - crop.left) * 3;
    canvas.set(rgb.subarray(from, from + line), to);
  }
  return canvas;
}

function toTensor(rgb: Uint8ClampedArray, preprocess: ImagePreprocess): Tensor<"float32"> {
  const { layout, width, height } = preprocess;
  const planes = channelPlanes(rgb, preprocess.channels);
  const channels = planes.length;
  const area = width * height;
  const data = new Float32Array(channels * area);
  planes.forEach((bytes, channel) => {
    const table = values(preprocess, channel, channels);
    const [first, step] = layout === "nchw" ? [channel * area, 1] : [channel, channels];
    for (let i = 0; i < area; i++) data[first + i * step] = table[bytes(i)] as number;
  });
  return { data, dims: layout === "nchw" ? [1, channels, height, width] : [1, height, width, channels] };
}

/** For each channel, the byte of a pixel by the pixel's index. */
function channelPlanes(rgb: Uint8ClampedArray, channels: ImagePreprocess["channels"]): ((pixel: number) => number)[] {
  const [red, green, blue] = [0, 1, 2].map((offset) => (pixel: number) => rgb[pixel * 3 + offset] as number) as [
    (pixel: number) => number,
    (pixel: number) => number,
    (pixel: number) => number,
  ];
  if (channels === "rgb") return [red, green, blue];
  if (channels === "bgr") return [blue, green, red];
  // ITU-R BT.601 in 1/65536.
  return [(i) => (19595 * red(i) + 38470 * green(i) + 7471 * blue(i) + 0x8000) >> 16];
}

/** What each of the 256 byte values becomes in a channel. */
function values({ scale, mean, std }: ImagePreprocess, channel: number, channels: number): Float32Array {
  for (const [field, figures] of Object.entries({ mean, std })) {
    if (figures.length === 1 || figures.length === channels) continue;
    throw new PackagerError(
      "manifest-invalid",
      `preprocess.${field} has ${figures.length} entries for ${channels} channels.`,
    );
  }
  const [average, deviation] = [mean, std].map((figures) => figures[figures.length === 1 ? 0 : channel]) as [
    number,
    number,
  ];
  return Float32Array.from({ length: 256 }, (_, byte) => (byte * scale - average) / deviation);
}
