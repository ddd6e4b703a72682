// What several tests make their cases from.

/** Numbers from 0 to below 1 that are the same in every run (the generator known as mulberry32). */
export function seeded(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export const strides = { none: 1, shuffle2: 2, shuffle4: 4, shuffle8: 8 };

/** Byte planes of elements of `stride` bytes, by the definition. */
export function shuffle(bytes, stride) {
  const elements = bytes.length / stride;
  return bytes.map((_, position) => bytes[(position % elements) * stride + Math.floor(position / elements)]);
}
