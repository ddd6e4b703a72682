// SHA-256 (FIPS 180-4), where crypto.subtle is missing: on pages that do not come over HTTPS or from localhost. A chunk of its
// own, a quarter of the size of a library for it, and as fast.

const bits = 2 ** 32;

/** The first 32 bits of the fractional parts of roots of the first primes: square roots start the state, cube roots the rounds. */
const roots = (count: number, power: number) => {
  const found: number[] = [];
  for (let n = 2; found.length < count; n++) {
    if (![...Array(n - 2).keys()].some((below) => n % (below + 2) === 0)) found.push((n ** power * bits) | 0);
  }
  return found;
};

const constants = Int32Array.from(roots(64, 1 / 3));

const rotate = (word: number, by: number) => (word >>> by) | (word << (32 - by));

export function sha256(bytes: Uint8Array): Uint8Array {
  const state = Int32Array.from(roots(8, 1 / 2));
  const whole = bytes.length & ~63;
  const given = new DataView(bytes.buffer, bytes.byteOffset, whole);
  for (let at = 0; at < whole; at += 64) absorb(state, given, at);
  // What is left, a one bit, zeros, and the length in bits, in one block or two.
  const left = bytes.subarray(whole);
  const end = new Uint8Array(left.length < 56 ? 64 : 128);
  end.set(left);
  end[left.length] = 0x80;
  const view = new DataView(end.buffer);
  view.setBigUint64(end.length - 8, 8n * BigInt(bytes.length));
  for (let at = 0; at < end.length; at += 64) absorb(state, view, at);
  for (const [index, word] of state.entries()) view.setInt32(4 * index, word);
  return end.slice(0, 32);
}

const schedule = new Int32Array(64);

function absorb(state: Int32Array, block: DataView, at: number): void {
  for (let t = 0; t < 16; t++) schedule[t] = block.getInt32(at + 4 * t);
  for (let t = 16; t < 64; t++) {
    const w15 = schedule[t - 15] as number;
    const w2 = schedule[t - 2] as number;
    const s0 = rotate(w15, 7) ^ rotate(w15, 18) ^ (w15 >>> 3);
    const s1 = rotate(w2, 17) ^ rotate(w2, 19) ^ (w2 >>> 10);
    schedule[t] = (s0 + s1 + (schedule[t - 16] as number) + (schedule[t - 7] as number)) | 0;
  }
  // Written out, as taking a typed array apart is slow.
  let a = state[0] as number;
  let b = state[1] as number;
  let c = state[2] as number;
  let d = state[3] as number;
  let e = state[4] as number;
  let f = state[5] as number;
  let g = state[6] as number;
  let h = state[7] as number;
  for (let t = 0; t < 64; t++) {
    const s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
    const first = (h + s1 + ((e & f) ^ (~e & g)) + (constants[t] as number) + (schedule[t] as number)) | 0;
    const s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
    const second = s0 + ((a & b) ^ (a & c) ^ (b & c));
    h = g;
    g = f;
    f = e;
    e = (d + first) | 0;
    d = c;
    c = b;
    b = a;
    a = (first + second) | 0;
  }
  state[0] = (state[0] as number) + a;
  state[1] = (state[1] as number) + b;
  state[2] = (state[2] as number) + c;
  state[3] = (state[3] as number) + d;
  state[4] = (state[4] as number) + e;
  state[5] = (state[5] as number) + f;
  state[6] = (state[6] as number) + g;
  state[7] = (state[7] as number) + h;
}
