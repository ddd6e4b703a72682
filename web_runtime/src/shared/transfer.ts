// What can move between page and worker instead of being copied.

/** The buffers of all typed arrays in a value made of plain objects and arrays, each once. */
export function buffersOf(value: unknown, found = new Set<ArrayBuffer>()): Set<ArrayBuffer> {
  if (ArrayBuffer.isView(value)) {
    if (value.buffer instanceof ArrayBuffer) found.add(value.buffer);
  } else if (Array.isArray(value) || isPlain(value)) {
    for (const part of Object.values(value)) buffersOf(part, found);
  }
  return found;
}

function isPlain(value: unknown): value is object {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
