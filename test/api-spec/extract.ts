/** Makes `spec-1.51.json`: the facts of the Engine API's OpenAPI document (names, types, statuses) without a sentence of it. Run by `node test/api-spec/extract.ts`. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

/** Where the document lies beside the checkout. */
export const documentPath = join(import.meta.dirname, '../../../shared/spec/docker-engine-api-v1.51.yaml');
export const extractPath = join(import.meta.dirname, 'spec-1.51.json');

/** Swarm mode and plugins, which Gantry has not. */
const outside = /^\/(?:services|tasks|nodes|secrets|configs|swarm|plugins)(?:\/|$)/;

/** What of a schema says how a value must be. */
const kept = [
  '$ref',
  'type',
  'format',
  'enum',
  'x-nullable',
  'required',
  'minimum',
  'maximum',
  'minItems',
  'maxItems',
  'collectionFormat',
];

type Node = Record<string, unknown>;

export const hasDocument = (): boolean => existsSync(documentPath);

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function entriesOf(value: unknown): Array<[string, unknown]> {
  return isNode(value) ? Object.entries(value) : [];
}

function schemaOf(value: unknown): unknown {
  if (!isNode(value)) return value === true ? {} : undefined;
  const schema: Node = {};
  for (const key of kept) {
    /* `required` is a list in a schema, and a flag in a parameter. */
    if (value[key] !== undefined) schema[key] = value[key];
  }
  if (isNode(value['properties'])) {
    schema['properties'] = Object.fromEntries(
      entriesOf(value['properties']).map(([name, one]) => [name, schemaOf(one)]),
    );
  }
  for (const key of ['items', 'additionalProperties']) {
    const inner = schemaOf(value[key]);
    if (inner !== undefined) schema[key] = inner;
  }
  if (Array.isArray(value['allOf'])) schema['allOf'] = value['allOf'].map(schemaOf);
  return schema;
}

function parameterOf(value: unknown): Node {
  if (!isNode(value)) return {};
  const { name, in: place, required } = value;
  const schema = place === 'body' ? schemaOf(value['schema']) : schemaOf({ ...value, required: undefined });
  return { name, in: place, ...(required === true ? { required } : {}), schema };
}

function operationOf(operation: Node, shared: unknown): Node {
  const parameters = [shared, operation['parameters']].flatMap((list) => (Array.isArray(list) ? list : []));
  const responses = entriesOf(operation['responses']).map(([status, response]) => {
    const schema = isNode(response) ? schemaOf(response['schema']) : undefined;
    return [status, schema ?? null];
  });
  return {
    parameters: parameters.map(parameterOf),
    responses: Object.fromEntries(responses),
    ...(operation['produces'] === undefined ? {} : { produces: operation['produces'] }),
    ...(operation['consumes'] === undefined ? {} : { consumes: operation['consumes'] }),
  };
}

/** The definitions that `roots` name, and those that these name. */
function reachable(roots: unknown, definitions: Node): Node {
  const found: Node = {};
  const visit = (value: unknown): void => {
    for (const [, name] of JSON.stringify(value ?? null).matchAll(/"#\/definitions\/([^"]+)"/g)) {
      if (name === undefined || name in found) continue;
      found[name] = schemaOf(definitions[name]);
      visit(found[name]);
    }
  };
  visit(roots);
  return Object.fromEntries(Object.entries(found).sort(([a], [b]) => a.localeCompare(b)));
}

/** The extract as text: one path or definition a line. */
export function extract(): string {
  const document: unknown = parse(readFileSync(documentPath, 'utf8'));
  if (!isNode(document) || !isNode(document['definitions'])) throw new Error('not an OpenAPI document');
  const paths = entriesOf(document['paths'])
    .filter(([path]) => !outside.test(path))
    .map(([path, item]): [string, Node] => [
      path,
      Object.fromEntries(
        entriesOf(item)
          .filter(([method]) => method !== 'parameters')
          .map(([method, operation]) => [
            method,
            operationOf(isNode(operation) ? operation : {}, isNode(item) ? item['parameters'] : []),
          ]),
      ),
    ]);
  const lines = (entries: Array<[string, unknown]>): string =>
    entries.map(([key, value]) => `    ${JSON.stringify(key)}: ${JSON.stringify(value)}`).join(',\n');
  const definitions = reachable(paths, document['definitions']);
  return `{\n  "version": "1.51",\n  "paths": {\n${lines(paths)}\n  },\n  "definitions": {\n${lines(Object.entries(definitions))}\n  }\n}\n`;
}

if (process.argv[1] === import.meta.filename) writeFileSync(extractPath, extract());
