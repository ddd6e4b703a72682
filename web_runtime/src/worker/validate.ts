// Checks a value against a JSON Schema: as much of the standard as the manifest's schema uses, and no `new Function`.

export interface Schema {
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, Schema>>;
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly oneOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: false;
  readonly items?: Schema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
}

/** Where in the value something is wrong (a JSON pointer), and what. */
export interface Wrong {
  path: string;
  what: string;
}

/** The first thing in `value` that `root` does not allow, or null. */
export function firstWrong(value: unknown, root: Schema): Wrong | null {
  return check(value, root, "", root.$defs ?? {});
}

type Definitions = Readonly<Record<string, Schema>>;

function check(value: unknown, schema: Schema, path: string, definitions: Definitions): Wrong | null {
  if (schema.$ref) return check(value, definitions[schema.$ref.slice("#/$defs/".length)] as Schema, path, definitions);
  const forms = schema.oneOf ?? schema.anyOf;
  if (forms) return checkForms(value, forms, path, definitions);
  const what = wrongScalar(value, schema);
  if (what) return { path, what };
  if (Array.isArray(value)) return checkItems(value, schema, path, definitions);
  return isObject(value) ? checkProperties(value, schema, path, definitions) : null;
}

/** Forms of one value exclude each other, most of them by their `kind`. */
function checkForms(value: unknown, forms: readonly Schema[], path: string, definitions: Definitions): Wrong | null {
  const wrongs: Wrong[] = [];
  for (const form of forms) {
    const wrong = check(value, form, path, definitions);
    if (!wrong) return null;
    wrongs.push(wrong);
  }
  // The form that was meant is the one that fits furthest into the value.
  const meant = forms.findIndex((form) => {
    const kind = (form.$ref ? definitions[form.$ref.slice("#/$defs/".length)] : form)?.properties?.kind;
    return isObject(value) && kind !== undefined && kind.const === value.kind;
  });
  return (
    wrongs[meant] ??
    wrongs.find((wrong) => wrong.path !== path) ?? { path, what: wrongs.map(({ what }) => what).join(", or ") }
  );
}

const types: Record<string, (value: unknown) => boolean> = {
  object: isObject,
  array: Array.isArray,
  string: (value) => typeof value === "string",
  number: (value) => typeof value === "number",
  integer: Number.isInteger,
  boolean: (value) => typeof value === "boolean",
  null: (value) => value === null,
};

function wrongScalar(value: unknown, schema: Schema): string | null {
  if (schema.type && !types[schema.type]?.(value)) return `must be of the type ${schema.type}`;
  if (schema.const !== undefined && value !== schema.const) return `must be ${JSON.stringify(schema.const)}`;
  if (schema.enum && !schema.enum.includes(value)) return `must be one of ${JSON.stringify(schema.enum)}`;
  if (typeof value === "string") return wrongString(value, schema);
  return typeof value === "number" ? wrongNumber(value, schema) : null;
}

function wrongString(
  value: string,
  { minLength = 0, maxLength = Number.POSITIVE_INFINITY, pattern }: Schema,
): string | null {
  const length = [...value].length;
  if (length < minLength || length > maxLength) return `must have from ${minLength} to ${maxLength} characters`;
  return pattern && !new RegExp(pattern, "u").test(value) ? `must match ${pattern}` : null;
}

function wrongNumber(value: number, { minimum, exclusiveMinimum, maximum }: Schema): string | null {
  if (minimum !== undefined && value < minimum) return `must be at least ${minimum}`;
  if (exclusiveMinimum !== undefined && value <= exclusiveMinimum) return `must be more than ${exclusiveMinimum}`;
  return maximum !== undefined && value > maximum ? `must be at most ${maximum}` : null;
}

function checkItems(value: unknown[], schema: Schema, path: string, definitions: Definitions): Wrong | null {
  const { items, minItems = 0, maxItems = Number.POSITIVE_INFINITY } = schema;
  if (value.length < minItems || value.length > maxItems)
    return { path, what: `must have from ${minItems} to ${maxItems} entries` };
  for (const [index, item] of value.entries()) {
    const wrong = items && check(item, items, `${path}/${index}`, definitions);
    if (wrong) return wrong;
  }
  return null;
}

function checkProperties(
  value: Record<string, unknown>,
  schema: Schema,
  path: string,
  definitions: Definitions,
): Wrong | null {
  const { properties = {}, required = [], additionalProperties } = schema;
  const missing = required.find((name) => !Object.hasOwn(value, name));
  if (missing) return { path, what: `must have "${missing}"` };
  for (const [name, part] of Object.entries(value)) {
    const known = Object.hasOwn(properties, name) ? properties[name] : undefined;
    if (!known && additionalProperties === false) return { path, what: `must not have "${name}"` };
    const wrong =
      known && check(part, known, `${path}/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`, definitions);
    if (wrong) return wrong;
  }
  return null;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
