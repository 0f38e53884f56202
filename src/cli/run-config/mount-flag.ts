/** `--mount type=bind,src=…,dst=…,…`. */
import { resolve } from 'node:path';
import { EngineError } from '../../errors/engine-error.ts';
import type { Mount } from '../../wire/host-config.ts';
import type { FlagSpec } from '../flags/flag.ts';
import { parseBoolean } from '../flags/kinds.ts';
import { parseBytes } from '../flags/units.ts';
import { addPair, splitCsv, splitPair } from './csv.ts';

export function parseMount(help: string, group: string): FlagSpec<readonly Mount[]> {
  return { type: 'mount', help, group, initial: [], parse: (text, previous) => [...previous, mountOf(text)] };
}

function fail(message: string): EngineError {
  return new EngineError('invalid-argument', message);
}

/** Fields that may stand without a value. */
const switches = new Set(['readonly', 'ro', 'volume-nocopy', 'bind-nonrecursive', 'bind-create-src']);

/** One mount as the API has it. EngineError `invalid-argument` in docker's words. */
export function mountOf(text: string): Mount {
  if (text === '') throw fail('EOF');
  const mount: Mount = { Type: 'volume' };
  for (const field of splitCsv(text)) {
    const { key, value, hasValue } = splitPair(field);
    if (!hasValue && !switches.has(key)) throw fail(`invalid field '${field}' must be a key=value pair`);
    applyField(mount, key, value, hasValue, field);
  }
  check(mount);
  return mount;
}

function applyField(mount: Mount, key: string, value: string, hasValue: boolean, field: string): void {
  const on = () => {
    try {
      return !hasValue || parseBoolean(value);
    } catch {
      throw fail(`invalid value for ${key}: ${value}`);
    }
  };
  switch (key) {
    case 'type':
      mount.Type = value.toLowerCase();
      return;
    case 'source':
    case 'src':
      mount.Source = value.startsWith('.') ? resolve(value) : value;
      return;
    case 'target':
    case 'dst':
    case 'destination':
      mount.Target = value;
      return;
    case 'readonly':
    case 'ro':
      if (on()) mount.ReadOnly = true;
      return;
    case 'consistency':
      mount.Consistency = value.toLowerCase();
      return;
    default:
      applyTypedField(mount, key, value, on, field);
  }
}

function applyTypedField(mount: Mount, key: string, value: string, on: () => boolean, field: string): void {
  switch (key) {
    case 'bind-propagation':
      mount.BindOptions = { ...mount.BindOptions, Propagation: value.toLowerCase() };
      return;
    case 'bind-nonrecursive':
      mount.BindOptions = { ...mount.BindOptions, NonRecursive: on() };
      return;
    case 'bind-create-src':
      mount.BindOptions = { ...mount.BindOptions, CreateMountpoint: on() };
      return;
    case 'bind-recursive':
      mount.BindOptions = { ...mount.BindOptions, ...recursion(value) };
      return;
    case 'volume-subpath':
      mount.VolumeOptions = { ...mount.VolumeOptions, Subpath: value };
      return;
    case 'volume-nocopy':
      mount.VolumeOptions = { ...mount.VolumeOptions, NoCopy: on() };
      return;
    case 'volume-label':
      mount.VolumeOptions = { ...mount.VolumeOptions, Labels: withPair(mount.VolumeOptions?.Labels, value) };
      return;
    case 'volume-driver':
      mount.VolumeOptions = {
        ...mount.VolumeOptions,
        DriverConfig: { ...mount.VolumeOptions?.DriverConfig, Name: value },
      };
      return;
    case 'volume-opt': {
      const driver = mount.VolumeOptions?.DriverConfig;
      mount.VolumeOptions = {
        ...mount.VolumeOptions,
        DriverConfig: { ...driver, Options: withPair(driver?.Options, value) },
      };
      return;
    }
    case 'image-subpath':
      mount.ImageOptions = { Subpath: value };
      return;
    case 'tmpfs-size':
      mount.TmpfsOptions = { ...mount.TmpfsOptions, SizeBytes: sizeOf(key, value) };
      return;
    case 'tmpfs-mode':
      if (!/^[0-7]{1,5}$/.test(value)) throw fail(`invalid value for ${key}: ${value}`);
      mount.TmpfsOptions = { ...mount.TmpfsOptions, Mode: Number.parseInt(value, 8) };
      return;
    default:
      throw fail(`unexpected key '${key}' in '${field}'`);
  }
}

function sizeOf(key: string, value: string): number {
  try {
    return parseBytes(value);
  } catch {
    throw fail(`invalid value for ${key}: ${value}`);
  }
}

function withPair(record: Record<string, string> | null | undefined, pair: string): Record<string, string> {
  const extended = { ...record };
  addPair(extended, pair);
  return extended;
}

function recursion(value: string): NonNullable<Mount['BindOptions']> {
  switch (value) {
    case 'enabled':
      return {};
    case 'disabled':
      return { NonRecursive: true };
    case 'writable':
      return { ReadOnlyNonRecursive: true };
    case 'readonly':
      return { ReadOnlyForceRecursive: true };
    default:
      throw fail(
        `invalid value for bind-recursive: ${value} (must be "enabled", "disabled", "writable", or "readonly")`,
      );
  }
}

function check(mount: Mount): void {
  if (mount.Type === '') throw fail('type is required');
  if (mount.Target === undefined || mount.Target === '') throw fail('target is required');
  const foreign: Array<[options: unknown, name: string, type: string]> = [
    [mount.VolumeOptions, 'volume', 'volume'],
    [mount.BindOptions, 'bind', 'bind'],
    [mount.TmpfsOptions, 'tmpfs', 'tmpfs'],
    [mount.ImageOptions, 'image', 'image'],
  ];
  for (const [options, name, type] of foreign) {
    if (options !== undefined && mount.Type !== type)
      throw fail(`cannot mix '${name}-*' options with mount type '${mount.Type}'`);
  }
  if (mount.BindOptions?.ReadOnlyNonRecursive === true && mount.ReadOnly !== true) {
    throw fail("option 'bind-recursive=writable' requires 'readonly' to be specified in conjunction");
  }
  if (mount.BindOptions?.ReadOnlyForceRecursive === true) checkForcedRecursion(mount);
}

function checkForcedRecursion(mount: Mount): void {
  if (mount.ReadOnly !== true) {
    throw fail("option 'bind-recursive=readonly' requires 'readonly' to be specified in conjunction");
  }
  if (mount.BindOptions?.Propagation !== 'rprivate') {
    throw fail(
      "option 'bind-recursive=readonly' requires 'bind-propagation=rprivate' to be specified in conjunction",
    );
  }
}
