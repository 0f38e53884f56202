/** Holds an answer to its schema: types, required fields, enums, bounds, null, and fields that the schema does not know. */
import { isDeepStrictEqual } from 'node:util';
import { resolve, type Schema, type Spec } from './spec.ts';

export type ProblemKind = 'type' | 'null' | 'missing' | 'unknown' | 'enum' | 'range';

export interface Problem {
  kind: ProblemKind;
  /** Which field of which definition: `HostConfig.Memory`, with `[]` for an element and `{}` for a map's value. */
  place: string;
  /** What was found there, shortened. */
  found: string;
}

export function validate(spec: Spec, schema: Schema, value: unknown, place: string): Problem[] {
  const { schema: own, place: name } = resolve(spec, schema, place);
  /* A field keeps the name it has where it stands: many share one definition, and only some of them may be null. */
  if (value === null) {
    return own['x-nullable'] === true || own.type === undefined ? [] : [problem('null', place, value)];
  }
  if (!hasType(own, value)) return [problem('type', place, value)];
  if (own.enum !== undefined && !own.enum.some((one) => isDeepStrictEqual(one, value)))
    return [problem('enum', place, value)];
  if (isOutside(own, value)) return [problem('range', place, value)];
  if (Array.isArray(value)) {
    const { items } = own;
    return items === undefined ? [] : value.flatMap((one) => validate(spec, items, one, `${name}[]`));
  }
  return isObject(value) ? validateObject(spec, own, value, name) : [];
}

function validateObject(
  spec: Spec,
  schema: Schema,
  value: Readonly<Record<string, unknown>>,
  place: string,
): Problem[] {
  const { properties = {}, additionalProperties, required = [] } = schema;
  const missing = required
    .filter((field) => !Object.hasOwn(value, field))
    .map((field) => problem('missing', `${place}.${field}`, undefined));
  const others = Object.entries(value).flatMap(([field, one]) => {
    const known = properties[field];
    if (known !== undefined) return validate(spec, known, one, `${place}.${field}`);
    if (additionalProperties !== undefined) return validate(spec, additionalProperties, one, `${place}{}`);
    return Object.keys(properties).length === 0 ? [] : [problem('unknown', `${place}.${field}`, one)];
  });
  return [...missing, ...others];
}

const typeTests: Record<NonNullable<Schema['type']>, (value: unknown) => boolean> = {
  integer: Number.isInteger,
  number: (value) => typeof value === 'number',
  array: Array.isArray,
  object: isObject,
  string: (value) => typeof value === 'string',
  boolean: (value) => typeof value === 'boolean',
};

function hasType(schema: Schema, value: unknown): boolean {
  return schema.type === undefined || typeTests[schema.type](value);
}

function isOutside(schema: Schema, value: unknown): boolean {
  const size = Array.isArray(value) ? value.length : undefined;
  if (size !== undefined) {
    return size < (schema.minItems ?? 0) || size > (schema.maxItems ?? Number.POSITIVE_INFINITY);
  }
  if (typeof value !== 'number') return false;
  return (
    value < (schema.minimum ?? Number.NEGATIVE_INFINITY) ||
    value > (schema.maximum ?? Number.POSITIVE_INFINITY)
  );
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function problem(kind: ProblemKind, place: string, value: unknown): Problem {
  return { kind, place, found: String(JSON.stringify(value)).slice(0, 120) };
}
