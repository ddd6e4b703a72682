// What a picture is made of, pixel by pixel, whatever form it comes in.

import type { Picture } from "../../shared/api.js";
import { PackagerError } from "../../shared/errors.js";
import type { PixelSource } from "./resize.js";

/** A source that holds a decoded picture until it is closed. */
export interface OpenPicture extends PixelSource {
  close(): void;
}

/** Blobs are decoded with their EXIF orientation applied and their colours as stored; transparency is blended over white. */
export async function openPicture(picture: Picture): Promise<OpenPicture> {
  if (picture instanceof ImageData) return fromImageData(picture);
  if (picture instanceof ImageBitmap) return fromBitmap(picture);
  if (picture instanceof Blob) return fromBitmap(await decode(picture));
  throw new PackagerError("input-invalid", "A picture is a Blob, an ImageBitmap or an ImageData.");
}

async function decode(blob: Blob): Promise<ImageBitmap> {
  try {
    return await createImageBitmap(blob, { colorSpaceConversion: "none", imageOrientation: "from-image" });
  } catch (error) {
    // Browsers that do not know an option refuse it with a TypeError, and orient pictures by themselves.
    if (!(error instanceof TypeError)) throw undecodable(blob, error);
  }
  try {
    return await createImageBitmap(blob);
  } catch (error) {
    throw undecodable(blob, error);
  }
}

function undecodable(blob: Blob, cause: unknown): PackagerError {
  const what = blob.type ? `The file of type ${blob.type}` : "The file";
  const message = `${what}, ${blob.size} bytes, cannot be decoded as a picture. Give a PNG, JPEG, WebP, GIF or BMP file.`;
  return new PackagerError("input-invalid", message, { cause });
}

/** Drawing over white is what blends: a canvas holds colours times alpha, and loses those of faint pixels. */
function fromBitmap(bitmap: ImageBitmap): OpenPicture {
  let context: OffscreenCanvasRenderingContext2D | null = null;
  return {
    width: bitmap.width,
    height: bitmap.height,
    read(x, y, columns, rows) {
      if (context?.canvas.width !== columns || context.canvas.height < rows) context = openCanvas(columns, rows);
      context.fillStyle = "white";
      context.fillRect(0, 0, columns, rows);
      context.drawImage(bitmap, x, y, columns, rows, 0, 0, columns, rows);
      return context.getImageData(0, 0, columns, rows).data;
    },
    close: () => bitmap.close(),
  };
}

/** In main memory, as every pixel is read back: a graphics card may round differently. */
function openCanvas(width: number, height: number): OffscreenCanvasRenderingContext2D {
  if (typeof OffscreenCanvas === "undefined") {
    throw new PackagerError(
      "unsupported",
      "This browser cannot read the pixels of a picture in a worker (OffscreenCanvas).",
    );
  }
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  if (!context) throw new PackagerError("out-of-memory", `The browser gave no canvas of ${width} × ${height} pixels.`);
  context.imageSmoothingEnabled = false;
  return context;
}

function fromImageData({ data, width, height }: ImageData): OpenPicture {
  return {
    width,
    height,
    read(x, y, columns, rows) {
      const result = new Uint8ClampedArray(columns * rows * 4);
      for (let row = 0; row < rows; row++) {
        const from = ((y + row) * width + x) * 4;
        blendOverWhite(data.subarray(from, from + columns * 4), result.subarray(row * columns * 4));
      }
      return result;
    },
    close: () => undefined,
  };
}

function blendOverWhite(rgba: Uint8ClampedArray, result: Uint8ClampedArray): void {
  for (let i = 0; i < rgba.length; i += 4) {
    const alpha = rgba[i + 3] as number;
    for (let channel = i; channel < i + 3; channel++) {
      result[channel] = Math.floor(((rgba[channel] as number) * alpha + 127) / 255) + 255 - alpha;
    }
  }
}
