// Arithmetic over sizes: whole numbers that stay exact, or NaN. Division and remainder round towards minus infinity, as Python's
// do, and give 0 for a divisor of 0, so that both sides of the project agree.

/** A whole number, a name, or an operator and its operands; web_runtime/kernels/README.md says what each operator gives. */
export type Expression = number | string | readonly [Operator, ...Expression[]];
export type Operator = keyof typeof operators;

/** Sizes are 32-bit in the kernels. */
export const smallest = -(2 ** 31);
export const largest = 2 ** 31 - 1;

/** NaN in place of a number that is past 2^53, where doubles are no longer exact. */
const exact = (value: number) => (Number.isSafeInteger(value) ? value : Number.NaN);
const over = (step: (a: number, b: number) => number) => (operands: number[]) =>
  operands.reduce((a, b) => exact(step(a, b)));

const operators = {
  "+": over((a, b) => a + b),
  "-": over((a, b) => a - b),
  "*": over((a, b) => a * b),
  "//": over((a, b) => (b === 0 ? 0 : Math.floor(a / b))),
  "%": over((a, b) => (b === 0 ? 0 : a - Math.floor(a / b) * b)),
  min: over(Math.min),
  max: over(Math.max),
  /** The first, rounded up to a multiple of the second. */
  up: over((a, b) => Math.ceil(a / b) * b),
  /** Elements from the first to the last of a strided box, given count and stride of each axis. */
  span,
};

function span(operands: number[]): number {
  let last = 0;
  for (let i = 0; i < operands.length; i += 2) {
    const [count, stride] = [operands[i] as number, operands[i + 1] as number];
    if (!(count >= 0 && stride >= 0)) return Number.NaN;
    last = exact(last + exact((count - 1) * stride));
  }
  return operands.some((operand, i) => i % 2 === 0 && operand === 0) ? 0 : exact(last + 1);
}

export const isOperator = (value: unknown): value is Operator =>
  typeof value === "string" && Object.hasOwn(operators, value);

/** The result of one operation on at least one operand, or NaN where it is not exact. */
export function apply(operator: Operator, operands: number[]): number {
  return exact(operators[operator](operands));
}

/** The value of an expression, or NaN where a step of it is not exact or a name has no value. */
export function evaluate(expression: Expression, names: ReadonlyMap<string, number>): number {
  if (typeof expression === "number") return expression;
  if (typeof expression === "string") return names.get(expression) ?? Number.NaN;
  const [operator, ...operands] = expression;
  return apply(
    operator,
    operands.map((operand) => evaluate(operand, names)),
  );
}
