/** Devices, and limits on block devices: `--device`, `--device-read-bps`, `--blkio-weight-device`, `--device-cgroup-rule`. */
import { EngineError } from '../../errors/engine-error.ts';
import type { DeviceMapping, ThrottleDevice, WeightDevice } from '../../wire/host-config.ts';
import type { FlagSpec } from '../flags/flag.ts';
import { parseBytes } from '../flags/units.ts';

function fail(message: string): EngineError {
  return new EngineError('invalid-argument', message);
}

function splitDevice(text: string): [path: string, value: string] {
  const [path = '', value = '', ...rest] = text.split(':');
  if (path === '' || value === '' || rest.length > 0) throw fail(`bad format: ${text}`);
  if (!path.startsWith('/dev/')) throw fail(`bad format for device path: ${text}`);
  return [path, value];
}

export function parseBlockRate(help: string, group: string): FlagSpec<readonly ThrottleDevice[]> {
  const parse = (text: string): ThrottleDevice => {
    const [path, value] = splitDevice(text);
    try {
      return { Path: path, Rate: parseBytes(value) };
    } catch (error) {
      const message = `invalid rate for device: ${text}. The correct format is <device-path>:<number>[<unit>]. Number must be a positive integer. Unit is optional and can be kb, mb, or gb`;
      throw new EngineError('invalid-argument', message, { cause: error });
    }
  };
  return { type: 'list', help, group, initial: [], parse: (text, previous) => [...previous, parse(text)] };
}

export function parseIoRate(help: string, group: string): FlagSpec<readonly ThrottleDevice[]> {
  const parse = (text: string): ThrottleDevice => {
    const [path, value] = splitDevice(text);
    if (/^\d{1,15}$/.test(value)) return { Path: path, Rate: Number(value) };
    throw fail(
      `invalid rate for device: ${text}. The correct format is <device-path>:<number>. Number must be a positive integer`,
    );
  };
  return { type: 'list', help, group, initial: [], parse: (text, previous) => [...previous, parse(text)] };
}

export function parseWeight(help: string, group: string): FlagSpec<readonly WeightDevice[]> {
  const parse = (text: string): WeightDevice => {
    const [path, value] = splitDevice(text);
    const weight = Number(value);
    if (/^\d+$/.test(value) && (weight === 0 || (weight >= 10 && weight <= 1000)))
      return { Path: path, Weight: weight };
    throw fail(`invalid weight for device: ${text}`);
  };
  return { type: 'list', help, group, initial: [], parse: (text, previous) => [...previous, parse(text)] };
}

/** `c 1:3 mr`. */
export function parseCgroupRule(text: string): string {
  if (/^[acb] ([0-9]+|\*):([0-9]+|\*) [rwm]{1,3}$/.test(text)) return text;
  throw fail(`invalid device cgroup format '${text}'`);
}

/** `/dev/a[:/dev/b][:rwm]`. EngineError `invalid-argument` in docker's words. */
export function deviceOf(text: string): DeviceMapping {
  const [host = '', second, third, ...rest] = text.split(':');
  if (rest.length > 0) throw fail(`bad format for path: ${text}`);
  const secondIsMode = second !== undefined && third === undefined && isMode(second);
  const mode = secondIsMode ? second : (third ?? 'rwm');
  const inside = secondIsMode || second === undefined || second === '' ? host : second;
  if (!inside.startsWith('/')) throw fail(`${inside} is not an absolute path`);
  if (!isMode(mode)) throw fail(`bad mode specified: ${mode}`);
  return { PathOnHost: host, PathInContainer: inside, CgroupPermissions: mode };
}

function isMode(text: string): boolean {
  return /^[rwm]{1,3}$/.test(text) && new Set(text).size === text.length;
}

/** `vendor.com/class=name`, a device of the Container Device Interface. */
export function isCdiDevice(text: string): boolean {
  return /^[\p{L}\p{N}._-]+\/[\p{L}\p{N}_-]+=[\p{L}\p{N}._:-]+$/u.test(text);
}
