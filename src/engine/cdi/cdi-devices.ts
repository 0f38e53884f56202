/** Which devices the host's CDI documents offer, and which of them a container asks for. */
import { readdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { parse as parseYaml } from 'yaml';
import { EngineError, messageOf } from '../../errors/engine-error.ts';
import { type CdiEdits, type CdiSpec, parseCdiSpec } from './cdi-spec.ts';

/** An entry of `HostConfig.DeviceRequests`. */
export interface DeviceRequest {
  driver: string;
  /** -1 for all. */
  count: number;
  deviceIds: string[];
  /** Groups of which one must be had. */
  capabilities: string[][];
}

/** Classes of `--gpus`, the first that is there counts. */
const gpuKinds = ['nvidia.com/gpu', 'amd.com/gpu', 'intel.com/gpu'];

export function parseDeviceRequest(value: unknown): DeviceRequest {
  const fields: Record<string, unknown> = typeof value === 'object' && value !== null ? { ...value } : {};
  const get = (name: string): unknown => fields[name] ?? fields[name.charAt(0).toLowerCase() + name.slice(1)];
  const driver = get('Driver');
  const count = get('Count');
  return {
    driver: typeof driver === 'string' ? driver : '',
    count: typeof count === 'number' ? count : 0,
    deviceIds: textsOf(get('DeviceIDs')),
    capabilities: listOf(get('Capabilities')).map(textsOf),
  };
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function textsOf(value: unknown): string[] {
  return listOf(value).filter((one) => typeof one === 'string');
}

export type CdiWarn = (message: string, hint: string) => void;

/** All documents of the directories, those of later ones first, as they override. A document that is none is passed over with a word. */
export async function readCdiSpecs(directories: readonly string[], warn: CdiWarn): Promise<CdiSpec[]> {
  const found = await Promise.all([...directories].reverse().map((one) => readDirectory(one, warn)));
  return found.flat();
}

async function readDirectory(directory: string, warn: CdiWarn): Promise<CdiSpec[]> {
  const names = await readdir(directory).catch(() => []);
  const files = names.filter((name) => ['.json', '.yaml', '.yml'].includes(extname(name))).sort();
  const specs = await Promise.all(
    files.map(async (name) => {
      const path = join(directory, name);
      try {
        const text = await readFile(path, 'utf8');
        return [parseCdiSpec(extname(name) === '.json' ? JSON.parse(text) : parseYaml(text))];
      } catch (error) {
        warn(`CDI document ${path} is left out: ${messageOf(error)}`, 'correct it or remove it');
        return [];
      }
    }),
  );
  return specs.flat();
}

/** Names of all devices, `vendor.com/class=name`, each once. */
export function deviceNames(specs: readonly CdiSpec[]): string[] {
  return [
    ...new Set(specs.flatMap(({ kind, devices }) => [...devices.keys()].map((name) => `${kind}=${name}`))),
  ];
}

/**
 * What the devices that are asked for change, in order: for each document its common edits once, then those of its devices. EngineErrors `internal` in
 * Docker's words for devices that aren't there and for drivers that nobody has.
 */
export function resolveDevices(specs: readonly CdiSpec[], requests: readonly DeviceRequest[]): CdiEdits[] {
  const names = requests.flatMap((request) => namesOf(specs, request));
  const missing = names.filter((name) => findDevice(specs, name) === undefined);
  if (missing.length > 0) {
    throw new EngineError(
      'internal',
      `CDI device injection failed: unresolvable CDI devices ${missing.join(', ')}`,
      { hint: 'name devices of a document in /etc/cdi or /var/run/cdi as VENDOR/CLASS=NAME' },
    );
  }
  const seen = new Set<CdiSpec>();
  return [...new Set(names)].flatMap((name) => {
    const found = findDevice(specs, name);
    if (found === undefined) return [];
    const common = seen.has(found.spec) ? [] : [found.spec.edits];
    seen.add(found.spec);
    return [...common, found.edits];
  });
}

function findDevice(specs: readonly CdiSpec[], name: string): { spec: CdiSpec; edits: CdiEdits } | undefined {
  const [kind = '', device = ''] = name.split('=');
  for (const spec of specs) {
    const edits = spec.kind === kind ? spec.devices.get(device) : undefined;
    if (edits !== undefined) return { spec, edits };
  }
  return undefined;
}

function namesOf(specs: readonly CdiSpec[], request: DeviceRequest): string[] {
  if (request.driver === 'cdi') return request.deviceIds;
  const wantsGpu = request.capabilities.some((group) => group.includes('gpu'));
  const vendor = ['', 'nvidia', 'amd.com', 'amd', 'intel'].includes(request.driver);
  const kind = gpuKinds.find(
    (one) => one.startsWith(request.driver) && specs.some((spec) => spec.kind === one),
  );
  if (!wantsGpu || !vendor || kind === undefined) throw noDriver(request);
  return gpuNames(specs, kind, request).map((name) => (name.includes('=') ? name : `${kind}=${name}`));
}

/** `all` where there is one, else each; the first so many; or those that are named. */
function gpuNames(specs: readonly CdiSpec[], kind: string, { count, deviceIds }: DeviceRequest): string[] {
  if (deviceIds.length > 0) return deviceIds;
  const names = specs.filter((spec) => spec.kind === kind).flatMap((spec) => [...spec.devices.keys()]);
  if (count < 0 && names.includes('all')) return ['all'];
  const single = names.filter((name) => name !== 'all');
  return count < 0 ? single : Array.from({ length: count }, (_, index) => single[index] ?? String(index));
}

function noDriver({ driver, capabilities }: DeviceRequest): EngineError {
  const groups = capabilities.map((group) => `[${group.join(' ')}]`).join(' ');
  return new EngineError(
    'internal',
    `could not select device driver "${driver}" with capabilities: [${groups}]`,
    { hint: "install the vendor's CDI document in /etc/cdi, or name the devices with --device" },
  );
}
