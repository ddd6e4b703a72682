// Half precision, which travels as bit patterns and is computed with as float32.

/** The numbers that the bits stand for. */
export function fromHalves(bits: Uint16Array): Float32Array<ArrayBuffer> {
  const numbers = new Float32Array(bits.length);
  const words = new Uint32Array(numbers.buffer);
  for (let i = 0; i < bits.length; i++) {
    const half = bits[i] as number;
    // The exponent keeps its bias of 15, which the factor below makes good; so subnormals need no case of their own.
    words[i] = ((half & 0x8000) << 16) | ((half & 0x7fff) << 13);
    numbers[i] = (numbers[i] as number) * 2 ** 112;
    if ((half & 0x7c00) === 0x7c00) numbers[i] = half & 0x3ff ? Number.NaN : half & 0x8000 ? -Infinity : Infinity;
  }
  return numbers;
}

/** The bits of the nearest halves; of two that are as near, the even one. */
export function toHalves(numbers: ArrayLike<number>): Uint16Array<ArrayBuffer> {
  return Uint16Array.from(numbers, (number) => {
    const sign = number < 0 || Object.is(number, -0) ? 0x8000 : 0;
    const size = Math.abs(number);
    if (Number.isNaN(size)) return 0x7e00;
    if (size >= 65520) return sign | 0x7c00;
    // Steps of 2^-24 below the normal numbers, else of 2^-10 of the power of two that is not above it.
    const power = Math.max(Math.floor(Math.log2(size)), -14);
    const exponent = size < 2 ** power ? power - 1 : size >= 2 ** (power + 1) ? power + 1 : power;
    const scale = 2 ** (10 - Math.max(exponent, -14));
    const steps = even(size * scale);
    return sign | (size < 2 ** -14 ? steps : ((Math.max(exponent, -14) + 14) << 10) + steps);
  });
}

/** Rounded to a whole number, halves to the even one. */
function even(number: number): number {
  const low = Math.floor(number);
  const over = number - low;
  return over > 0.5 || (over === 0.5 && low % 2 === 1) ? low + 1 : low;
}
