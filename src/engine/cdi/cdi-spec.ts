/** Container Device Interface: what a vendor's document says of its devices (CDI specification, SPEC.md). Parsing, pure. */
import { EngineError } from '../../errors/engine-error.ts';

export interface CdiDeviceNode {
  path: string;
  hostPath?: string;
  type?: string;
  major?: number;
  minor?: number;
  fileMode?: number;
  permissions?: string;
  uid?: number;
  gid?: number;
}

export interface CdiMount {
  hostPath: string;
  containerPath: string;
  options: string[];
  type?: string;
}

export interface CdiHook {
  /** `createContainer`, `startContainer`, … */
  hookName: string;
  path: string;
  args: string[];
  env: string[];
  /** Seconds. */
  timeout?: number;
}

/** What a device changes in a container. */
export interface CdiEdits {
  env: string[];
  deviceNodes: CdiDeviceNode[];
  mounts: CdiMount[];
  hooks: CdiHook[];
  additionalGids: number[];
}

export interface CdiSpec {
  /** `vendor.com/class`. */
  kind: string;
  /** By the device's name. */
  devices: ReadonlyMap<string, CdiEdits>;
  /** For every container that has one of the devices. */
  edits: CdiEdits;
}

const kindPattern = /^[A-Za-z0-9][A-Za-z0-9_.-]*\/[A-Za-z0-9][A-Za-z0-9_-]*$/;
const hookNames = new Set([
  'prestart',
  'createRuntime',
  'createContainer',
  'startContainer',
  'poststart',
  'poststop',
]);

type Bag = Readonly<Record<string, unknown>>;

/** `document` as it comes out of JSON or YAML. EngineError `invalid-argument` says what is wrong with it. */
export function parseCdiSpec(document: unknown): CdiSpec {
  const top = bagOf(document, 'the document');
  const kind = textOf(top, 'kind');
  if (!kindPattern.test(kind)) throw bad(`kind ${JSON.stringify(kind)} is no vendor/class`);
  textOf(top, 'cdiVersion');
  const devices = bagsOf(top, 'devices').map((device): [string, CdiEdits] => [
    textOf(device, 'name'),
    editsOf(device['containerEdits']),
  ]);
  return { kind, devices: new Map(devices), edits: editsOf(top['containerEdits']) };
}

function bad(what: string): EngineError {
  return new EngineError('invalid-argument', `invalid CDI specification: ${what}`, {
    hint: 'see the CDI specification for the format',
  });
}

function editsOf(value: unknown): CdiEdits {
  const edits = value === undefined || value === null ? {} : bagOf(value, 'containerEdits');
  return {
    env: textsOf(edits, 'env'),
    deviceNodes: bagsOf(edits, 'deviceNodes').map(deviceNodeOf),
    mounts: bagsOf(edits, 'mounts').map((mount) => ({
      hostPath: textOf(mount, 'hostPath'),
      containerPath: textOf(mount, 'containerPath'),
      options: textsOf(mount, 'options'),
      ...optional('type', maybeText(mount, 'type')),
    })),
    hooks: bagsOf(edits, 'hooks').map(hookOf),
    additionalGids: numbersOf(edits, 'additionalGids'),
  };
}

function deviceNodeOf(node: Bag): CdiDeviceNode {
  return {
    path: textOf(node, 'path'),
    ...optional('hostPath', maybeText(node, 'hostPath')),
    ...optional('type', maybeText(node, 'type')),
    ...optional('permissions', maybeText(node, 'permissions')),
    ...optional('major', maybeNumber(node, 'major')),
    ...optional('minor', maybeNumber(node, 'minor')),
    ...optional('fileMode', maybeNumber(node, 'fileMode')),
    ...optional('uid', maybeNumber(node, 'uid')),
    ...optional('gid', maybeNumber(node, 'gid')),
  };
}

function hookOf(hook: Bag): CdiHook {
  const hookName = textOf(hook, 'hookName');
  if (!hookNames.has(hookName)) throw bad(`unknown hook ${hookName}`);
  return {
    hookName,
    path: textOf(hook, 'path'),
    args: textsOf(hook, 'args'),
    env: textsOf(hook, 'env'),
    ...optional('timeout', maybeNumber(hook, 'timeout')),
  };
}

function optional<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } | Record<K, V> {
  return value === undefined ? {} : ({ [key]: value } as Record<K, V>);
}

function bagOf(value: unknown, what: string): Bag {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw bad(`${what} is no object`);
  return { ...value };
}

function bagsOf(bag: Bag, name: string): Bag[] {
  return listOf(bag, name).map((one) => bagOf(one, `an entry of ${name}`));
}

function listOf(bag: Bag, name: string): unknown[] {
  const value = bag[name] ?? [];
  if (!Array.isArray(value)) throw bad(`${name} is no list`);
  return value;
}

function textOf(bag: Bag, name: string): string {
  const value = maybeText(bag, name);
  if (value === undefined || value === '') throw bad(`${name} is missing`);
  return value;
}

function maybeText(bag: Bag, name: string): string | undefined {
  const value = bag[name] ?? undefined;
  if (value !== undefined && typeof value !== 'string') throw bad(`${name} is no text`);
  return value;
}

function maybeNumber(bag: Bag, name: string): number | undefined {
  const value = bag[name] ?? undefined;
  if (value === undefined) return undefined;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0) throw bad(`${name} is no number`);
  return value;
}

function textsOf(bag: Bag, name: string): string[] {
  return listOf(bag, name).map((one) => {
    if (typeof one !== 'string') throw bad(`an entry of ${name} is no text`);
    return one;
  });
}

function numbersOf(bag: Bag, name: string): number[] {
  return listOf(bag, name).map((one) => {
    if (typeof one !== 'number' || !Number.isInteger(one)) throw bad(`an entry of ${name} is no number`);
    return one;
  });
}
