/** A container's device nodes, and the list of what its cgroup lets it do with devices. */
import { EngineError } from '../../errors/engine-error.ts';
import type { DeviceNode } from '../../host/devices.ts';
import type { SpecDevice, SpecDeviceRule } from '../../oci/runtime-spec.ts';
import type { SpecInput } from './spec-input.ts';

const everything = 'rwm';

/** Nothing, then zero, null, urandom, random, tty and console; the runtime adds ptmx, pts, full and making any node. */
const defaultRules: readonly SpecDeviceRule[] = [
  { allow: false, access: everything },
  { allow: true, type: 'c', major: 1, minor: 5, access: everything },
  { allow: true, type: 'c', major: 1, minor: 3, access: everything },
  { allow: true, type: 'c', major: 1, minor: 9, access: everything },
  { allow: true, type: 'c', major: 1, minor: 8, access: everything },
  { allow: true, type: 'c', major: 5, minor: 0, access: everything },
  { allow: true, type: 'c', major: 5, minor: 1, access: everything },
  { allow: false, type: 'c', major: 10, minor: 229, access: everything },
];

export function buildDevices(devices: readonly DeviceNode[]): SpecDevice[] {
  return devices.map(({ type, path, major, minor, mode, uid, gid }) => ({
    type,
    path,
    major,
    minor,
    fileMode: mode & 0o777,
    uid,
    gid,
  }));
}

/** Everything for a privileged container; otherwise Docker's list, the container's devices and `--device-cgroup-rule`. */
export function buildDeviceRules(input: SpecInput): SpecDeviceRule[] {
  const { hostConfig } = input.container;
  if (hostConfig.privileged) return [{ allow: true, access: everything }];
  return [
    ...defaultRules,
    ...input.devices.map(({ type, major, minor, access }) => ({ allow: true, type, major, minor, access })),
    ...hostConfig.deviceCgroupRules.map(parseDeviceRule),
  ];
}

/** `c 1:* rwm`. EngineError `invalid-argument` "invalid device cgroup rule format: '…'". */
export function parseDeviceRule(text: string): SpecDeviceRule {
  const match = /^([acb]) ([0-9]+|\*):([0-9]+|\*) ([rwm]{1,3})$/.exec(text);
  if (match === null)
    throw new EngineError('invalid-argument', `invalid device cgroup rule format: '${text}'`, {
      hint: 'Write TYPE MAJOR:MINOR ACCESS, such as "c 189:* rmw".',
    });
  const [, type = 'a', major = '*', minor = '*', access = everything] = match;
  return {
    allow: true,
    type: type === 'b' ? 'b' : type === 'c' ? 'c' : 'a',
    ...(major === '*' ? {} : { major: Number(major) }),
    ...(minor === '*' ? {} : { minor: Number(minor) }),
    access,
  };
}
