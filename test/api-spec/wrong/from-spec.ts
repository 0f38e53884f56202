/** Wrong requests made from the specification: unknown names, values of the wrong type in queries and bodies, bad filters, bad JSON. */
import { type Operation, type Parameter, resolve, type Schema, type Spec } from '../spec.ts';
import { present, type WrongRequest } from './wrong-request.ts';

interface Route {
  method: string;
  path: string;
  operation: Operation;
}

export function requestsFromSpec(spec: Spec): WrongRequest[] {
  const routes = Object.entries(spec.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(
      ([method, operation]): Route => ({ method: method.toUpperCase(), path, operation }),
    ),
  );
  return routes.flatMap((route) => [
    ...unknownNames(route),
    ...wrongQueries(route),
    ...wrongJson(spec, route),
    ...wrongMethods(route),
  ]);
}

/** What is said of a thing that is not there. */
const absences: ReadonlyArray<readonly [prefix: string, says: RegExp]> = [
  ['/containers/', /^No such container: nobody/],
  ['/exec/', /^No such exec instance: nobody/],
  ['/images/', /^(?:No such image: nobody|reference does not exist)/],
  ['/volumes/', /^get nobody: no such volume/],
  ['/networks/', /^network nobody not found/],
];

/** Of these the name is not looked up first, or not at all. */
const notLookedUp = new Set(['POST /images/{name}/push', 'PUT /volumes/{name}']);

function unknownNames({ method, path, operation }: Route): WrongRequest[] {
  const says = absences.find(([prefix]) => path.startsWith(prefix))?.[1];
  if (says === undefined || !/\{/.test(path) || method === 'HEAD') return [];
  if (notLookedUp.has(`${method} ${path}`)) return [];
  const query = requiredQuery(operation);
  const body = operation.parameters.some((one) => one.in === 'body') ? { body: bodyFor(path) } : {};
  return [{ method, path: `${path.replace(/\{\w+\}/, 'nobody')}${query}`, ...body, status: 404, says }];
}

/** A body that has nothing wrong in it. */
function bodyFor(path: string): unknown {
  if (path.endsWith('/exec')) return { Cmd: ['true'] };
  if (path.endsWith('connect')) return { Container: present.idle };
  return path.endsWith('/archive') ? Buffer.alloc(1024) : {};
}

const values: Readonly<Record<string, string>> = {
  name: 'other',
  path: '/',
  term: '127.0.0.1:9/x',
  h: '1',
  w: '1',
  repo: 'other',
  stdout: '1',
  stdin: '1',
  stderr: '1',
};

function requiredQuery(operation: Operation, except?: string): string {
  const parts = operation.parameters
    .filter((one) => one.in === 'query' && one.name !== except && one.name in values)
    .map((one) => `${one.name}=${values[one.name]}`);
  return parts.length === 0 ? '' : `?${parts.join('&')}`;
}

function placed(path: string): string {
  const name = /^\/images\//.test(path)
    ? present.image
    : /^\/volumes/.test(path)
      ? present.volume
      : present.busy;
  return path.replace(/\{\w+\}/, name);
}

/** Docker reads these as text or not at all. */
const readAsText = new Set(['since', 'until', 'version']);

function wrongQueries({ method, path, operation }: Route): WrongRequest[] {
  if (path.startsWith('/exec/') || path === '/build') return [];
  return operation.parameters.flatMap((parameter) => {
    if (parameter.in !== 'query') return [];
    const url = (value: string): string => {
      const others = requiredQuery(operation, parameter.name);
      return `${placed(path)}${others === '' ? '?' : `${others}&`}${parameter.name}=${encodeURIComponent(value)}`;
    };
    return wrongValues(parameter).map(
      ([value, says]): WrongRequest => ({ method, path: url(value), status: 400, says }),
    );
  });
}

function wrongValues({ name, schema }: Parameter): Array<[value: string, says: RegExp]> {
  if (name === 'filters') {
    const malformed = ['[', '{"label":7}', '"text"'].map((text): [string, RegExp] => [
      text,
      /invalid filter/i,
    ]);
    return [...malformed, ['{"nonsense":["x"]}', /invalid filter.*nonsense/i]];
  }
  if (schema.type !== 'integer' || readAsText.has(name)) return [];
  const says = new RegExp(`${name}|integer|parsing`);
  return ['x', '1.5', '0x10'].map((value): [string, RegExp] => [value, says]);
}

/** Routes whose body may be left out, or is read as something else than JSON. */
function isJsonRoute(path: string, parameter: Parameter | undefined): boolean {
  return (
    parameter !== undefined &&
    parameter.schema.format !== 'binary' &&
    !/archive|load|images\/create|\/build|volumes\/\{/.test(path)
  );
}

function wrongJson(spec: Spec, { method, path, operation }: Route): WrongRequest[] {
  const body = operation.parameters.find((one) => one.in === 'body');
  if (!isJsonRoute(path, body) || body === undefined || path.startsWith('/exec/')) return [];
  const url = `${placed(path)}${path === '/commit' ? `?container=${present.idle}` : ''}`;
  const plain = (text: string, says: RegExp, type = 'application/json'): WrongRequest => ({
    method,
    path: url,
    body: text,
    headers: { 'content-type': type },
    status: 400,
    says,
  });
  return [
    plain('{"a":', /invalid JSON|unexpected/),
    plain('{"a":1}}', /invalid JSON|unexpected/),
    plain('[1]', /invalid JSON.*object/),
    plain('"text"', /invalid JSON.*object/),
    plain('{}', /unsupported Content-Type header \(text\/plain\)/, 'text/plain'),
    ...wrongFields(spec, body.schema, body.name).map(
      ({ document, name }): WrongRequest => ({
        method,
        path: url,
        body: document,
        status: 400,
        says: new RegExp(`invalid JSON.*${name}`),
      }),
    ),
  ];
}

interface WrongField {
  document: unknown;
  /** The field that the message must name. */
  name: string;
}

/** Fields that only answers have, those of a swarm, and those that any Linux host ignores. */
const unread =
  /^EndpointSettings\.(?:NetworkID|EndpointID|Gateway|IPAddress|IPPrefixLen|IPv6Gateway|GlobalIPv6Address|GlobalIPv6PrefixLen|DNSNames)$|ClusterVolumeSpec|CpuCount|CpuPercent|IOMaximum|KernelMemoryTCP|AuthConfig\.email|^update\.Init$|LinkLocalIPs/;

/** One document per field of the schema, each with one value of a wrong type. */
function wrongFields(spec: Spec, schema: Schema, place: string, depth = 0): WrongField[] {
  const { schema: own, place: at } = resolve(spec, schema, place);
  if (depth > 6) return [];
  return Object.entries(own.properties ?? {}).flatMap(([name, field]) => {
    if (unread.test(`${at}.${name}`)) return [];
    const { schema: inner } = resolve(spec, field, `${at}.${name}`);
    const wrong = wrongFor(inner).map((value): WrongField => ({ document: { [name]: value }, name }));
    return [...wrong, ...deeper(spec, field, `${at}.${name}`, name, depth)];
  });
}

function deeper(spec: Spec, field: Schema, place: string, name: string, depth: number): WrongField[] {
  const { schema: own } = resolve(spec, field, place);
  const wrap = (found: WrongField[], as: (document: unknown) => unknown): WrongField[] =>
    found.map((one) => ({ name: one.name, document: { [name]: as(one.document) } }));
  if (own.properties !== undefined)
    return wrap(wrongFields(spec, field, place, depth + 1), (document) => document);
  if (own.items !== undefined)
    return wrap(wrongFields(spec, own.items, place, depth + 1), (document) => [document]);
  const { additionalProperties: values } = own;
  if (values === undefined) return [];
  const { schema: value } = resolve(spec, values, place);
  if (value.type === 'array' && value.items !== undefined)
    return wrap(wrongFields(spec, value.items, place, depth + 1), (document) => ({ key: [document] }));
  return wrap(wrongFields(spec, values, place, depth + 1), (document) => ({ key: document }));
}

/** Values that no field of the schema may have. */
function wrongFor(schema: Schema): unknown[] {
  switch (schema.type) {
    case 'integer':
      return ['7', 1.5];
    case 'string':
      return [7];
    case 'boolean':
      return ['true'];
    case 'array':
      return schema.items?.type === 'string' ? [7, [7]] : [7];
    case 'object':
      return schema.additionalProperties?.type === 'string' ? [7, { key: 7 }] : [7];
    default:
      return [];
  }
}

/** No route takes this method. */
function wrongMethods({ method, path }: Route): WrongRequest[] {
  if (method !== 'GET') return [];
  return [{ method: 'PATCH', path: placed(path), status: 404, says: /^page not found$/ }];
}
