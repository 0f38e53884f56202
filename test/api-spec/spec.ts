/** The extract of the Engine API's OpenAPI document as typed data, and walks over its schemas. */
import { readFileSync } from 'node:fs';
import { extractPath } from './extract.ts';

export interface Schema {
  readonly $ref?: string;
  readonly type?: 'string' | 'integer' | 'number' | 'boolean' | 'array' | 'object';
  readonly format?: string;
  readonly enum?: readonly unknown[];
  readonly 'x-nullable'?: boolean;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly additionalProperties?: Schema;
  readonly allOf?: readonly Schema[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
}

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header' | 'body';
  readonly required?: boolean;
  readonly schema: Schema;
}

export interface Operation {
  readonly parameters: readonly Parameter[];
  /** By status; null where the document gives no schema. */
  readonly responses: Readonly<Record<string, Schema | null>>;
  readonly produces?: readonly string[];
  readonly consumes?: readonly string[];
}

export interface Spec {
  readonly version: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly definitions: Readonly<Record<string, Schema>>;
}

/** A schema with its references followed and its parts put together. */
export interface Resolved {
  schema: Schema;
  /** Name of the definition, or the place that was given. */
  place: string;
}

export function loadSpec(): Spec {
  return JSON.parse(readFileSync(extractPath, 'utf8'));
}

/** Follows `$ref` and joins `allOf`. `place` names a schema that has no name itself. */
export function resolve(spec: Spec, schema: Schema, place: string): Resolved {
  if (schema.$ref !== undefined) {
    const name = schema.$ref.replace('#/definitions/', '');
    const target = spec.definitions[name];
    if (target === undefined) throw new Error(`the extract has no ${schema.$ref}`);
    const found = resolve(spec, target, name);
    const nullable = schema['x-nullable'] ?? found.schema['x-nullable'];
    return {
      place: found.place,
      schema: nullable === undefined ? found.schema : { ...found.schema, 'x-nullable': nullable },
    };
  }
  if (schema.allOf === undefined) return { schema, place };
  const parts = [...schema.allOf.map((part) => resolve(spec, part, place).schema), { ...schema, allOf: [] }];
  const { allOf: _, ...own } = schema;
  const joined: Schema = {
    ...own,
    type: 'object',
    properties: Object.assign({}, ...parts.map((part) => part.properties ?? {})),
    required: parts.flatMap((part) => part.required ?? []),
  };
  return { schema: joined, place };
}

/** The places (`HostConfig.Memory`) of all fields that a schema has, each once; recursive definitions are entered once. */
export function fieldPlaces(
  spec: Spec,
  schema: Schema,
  place: string,
  seen = new Set<string>(),
): Set<string> {
  const { schema: own, place: at } = resolve(spec, schema, place);
  for (const [name, field] of Object.entries(own.properties ?? {})) {
    const here = `${at}.${name}`;
    if (seen.has(here)) continue;
    seen.add(here);
    fieldPlaces(spec, field, here, seen);
  }
  if (own.items !== undefined) fieldPlaces(spec, own.items, `${at}[]`, seen);
  if (own.additionalProperties !== undefined) fieldPlaces(spec, own.additionalProperties, `${at}{}`, seen);
  return seen;
}

/** Marks in `seen` the places of the fields that `value` has. */
export function markFields(
  spec: Spec,
  schema: Schema,
  place: string,
  value: unknown,
  seen: Set<string>,
): void {
  const { schema: own, place: at } = resolve(spec, schema, place);
  if (Array.isArray(value)) {
    const { items } = own;
    if (items !== undefined) for (const one of value) markFields(spec, items, `${at}[]`, one, seen);
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  for (const [name, one] of Object.entries(value)) {
    const field = own.properties?.[name];
    if (field !== undefined) {
      seen.add(`${at}.${name}`);
      markFields(spec, field, `${at}.${name}`, one, seen);
    } else if (own.additionalProperties !== undefined) {
      markFields(spec, own.additionalProperties, `${at}{}`, one, seen);
    }
  }
}
