// Figures as people read them. Pure functions.

const units = ["B", "kB", "MB", "GB", "TB"];

/** Between a figure and its unit, so that they stay on one line. */
const space = "\u00a0";

/** Bytes in decimal units, three significant digits: 18,826,032 → "18.8 MB". */
export function bytes(count: number): string {
  let value = count;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(digits)}${space}${units[unit]}`;
}

/** A duration given in milliseconds: "3.4 ms", "34 ms", "1.24 s", "2 min 5 s". */
export function duration(ms: number): string {
  if (ms < 9.95) return `${ms.toFixed(1)}${space}ms`;
  if (ms < 999.5) return `${ms.toFixed(0)}${space}ms`;
  if (ms < 59_995) return `${(ms / 1000).toFixed(ms < 9995 ? 2 : 1)}${space}s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)}${space}min ${seconds % 60}${space}s`;
}

/** A share of 1 as a percentage that never claims certainty it does not have: .99996 → "99.9 %". */
export function percent(share: number): string {
  const value = share * 100;
  if (value > 0 && value < 0.1) return `<${space}0.1${space}%`;
  if (value < 100 && value >= 99.95) return `99.9${space}%`;
  return `${value.toFixed(value >= 100 ? 0 : 1)}${space}%`;
}

/** Any number in at most `digits` significant digits: 0.00012 → "1.20e-4", 16000 → "16000". */
export function figure(value: number, digits = 4): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "∞" : "−∞";
  if (Number.isInteger(value) && Math.abs(value) < 1e9) return minus(String(value));
  const size = Math.abs(value);
  const text = size < 1e-3 || size >= 1e9 ? value.toExponential(digits - 2) : value.toPrecision(digits);
  return minus(text);
}

/** An error bound: 0.0000012 → "1.2e-6", 0 → "0". */
export function bound(value: number): string {
  return value === 0
    ? "0"
    : value >= 0.01 && value < 1000
      ? String(Number(value.toPrecision(2)))
      : value.toExponential(1);
}

/** Dims as "1 × 3 × 224 × 224"; a scalar has none. */
export function shape(dims: readonly (number | string)[]): string {
  return dims.length === 0 ? "scalar" : dims.join(" × ");
}

/** "1 shard", "2 shards", "6,906 columns". */
export function count(n: number, noun: string): string {
  return `${n.toLocaleString("en")} ${noun}${n === 1 ? "" : "s"}`;
}

/** The middle of the values; the lower of two middles. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
}

// Hyphens read as dashes; figures take the minus sign, exponents keep the hyphen that can be pasted back into code.
function minus(text: string): string {
  return text.startsWith("-") ? `−${text.slice(1)}` : text;
}
