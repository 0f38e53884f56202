/** Seccomp profiles in Docker's format: what they say, and the filter they make for one container. */
import { EngineError, messageOf } from '../../errors/engine-error.ts';
import { kernelAtLeast } from '../../host/kernel.ts';
import type { SpecSeccomp, SpecSyscallArgument, SpecSyscallRule } from '../../oci/runtime-spec.ts';

/** Where a rule counts: all of it must hold. */
export interface SeccompCondition {
  /** Bounding set. */
  caps?: readonly string[];
  /** Go's names of architectures. */
  arches?: readonly string[];
  minKernel?: string;
}

export interface SeccompRule {
  name?: string;
  names?: readonly string[];
  action: string;
  errnoRet?: number;
  args?: ReadonlyArray<Partial<SpecSyscallArgument>> | null;
  includes?: SeccompCondition;
  excludes?: SeccompCondition;
}

/** Keys are as in the JSON file. */
export interface SeccompProfile {
  defaultAction: string;
  defaultErrnoRet?: number;
  architectures?: readonly string[] | null;
  archMap?: ReadonlyArray<{ architecture: string; subArchitectures?: readonly string[] | null }> | null;
  flags?: readonly string[];
  listenerPath?: string;
  listenerMetadata?: string;
  syscalls?: readonly SeccompRule[] | null;
}

export interface SeccompTarget {
  /** Go's name: `amd64`. */
  architecture: string;
  kernelVersion: string;
  capabilities: readonly string[];
}

/** libseccomp's name of a native architecture, by Go's. */
const nativeArchitectures: Readonly<Record<string, string>> = {
  '386': 'SCMP_ARCH_X86',
  amd64: 'SCMP_ARCH_X86_64',
  arm: 'SCMP_ARCH_ARM',
  arm64: 'SCMP_ARCH_AARCH64',
  mips64: 'SCMP_ARCH_MIPS64',
  mips64n32: 'SCMP_ARCH_MIPS64N32',
  mipsel64: 'SCMP_ARCH_MIPSEL64',
  mips3l64n32: 'SCMP_ARCH_MIPSEL64N32',
  ppc64le: 'SCMP_ARCH_PPC64LE',
  riscv64: 'SCMP_ARCH_RISCV64',
  s390x: 'SCMP_ARCH_S390X',
};
/** Go's names that profiles spell otherwise. */
const profileArchitectures: Readonly<Record<string, string>> = { '386': 'x86' };

/** Parses a profile's JSON and checks its shape. EngineError `invalid-argument` "decoding seccomp profile failed: …". */
export function parseSeccompProfile(json: string): SeccompProfile {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    throw undecodable(messageOf(error), error);
  }
  if (!isProfile(value))
    throw undecodable('defaultAction, and for each of syscalls a list of names and an action, are needed');
  if (value.architectures?.length && value.archMap?.length)
    throw conflicting('both "architectures" and "archMap"', '"architectures" or "archMap"');
  if (value.syscalls?.some((rule) => rule.name && rule.names?.length))
    throw conflicting('both "name" and "names"', '"name" or "names"');
  return value;
}

function undecodable(reason: string, cause?: unknown): EngineError {
  return new EngineError('invalid-argument', `decoding seccomp profile failed: ${reason}`, {
    cause,
    hint: "Pass the profile's JSON content; the docker CLI reads the file for you.",
  });
}

function conflicting(both: string, either: string): EngineError {
  return new EngineError(
    'invalid-argument',
    `${both} were specified in the seccomp profile, use either ${either}`,
  );
}

function isProfile(value: unknown): value is SeccompProfile {
  if (!isObject(value) || typeof value['defaultAction'] !== 'string') return false;
  const rules = value['syscalls'] ?? [];
  return Array.isArray(rules) && rules.every(isRule);
}

function isRule(rule: unknown): rule is SeccompRule {
  if (!isObject(rule) || typeof rule['action'] !== 'string') return false;
  const names = rule['names'] ?? [rule['name']];
  return Array.isArray(names) && names.every((name) => typeof name === 'string');
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The filter that the profile makes for one container: the rules whose conditions hold there. */
export function applyProfile(profile: SeccompProfile, target: SeccompTarget): SpecSeccomp {
  const architectures = architecturesFor(profile, target);
  return {
    defaultAction: profile.defaultAction,
    ...(profile.defaultErrnoRet === undefined ? {} : { defaultErrnoRet: profile.defaultErrnoRet }),
    ...(architectures.length === 0 ? {} : { architectures }),
    ...(profile.flags === undefined ? {} : { flags: [...profile.flags] }),
    ...(profile.listenerPath === undefined ? {} : { listenerPath: profile.listenerPath }),
    ...(profile.listenerMetadata === undefined ? {} : { listenerMetadata: profile.listenerMetadata }),
    syscalls: (profile.syscalls ?? []).filter((rule) => ruleCounts(rule, target)).map(specRule),
  };
}

function architecturesFor(profile: SeccompProfile, target: SeccompTarget): string[] {
  if (profile.architectures?.length) return [...profile.architectures];
  const native = nativeArchitectures[target.architecture];
  const entry = (profile.archMap ?? []).find((candidate) => candidate.architecture === native);
  return entry === undefined ? [] : [entry.architecture, ...(entry.subArchitectures ?? [])];
}

function ruleCounts(rule: SeccompRule, target: SeccompTarget): boolean {
  const arch = profileArchitectures[target.architecture] ?? target.architecture;
  const { includes = {}, excludes = {} } = rule;
  if (excludes.arches?.includes(arch)) return false;
  if (excludes.caps?.some((name) => target.capabilities.includes(name))) return false;
  if (excludes.minKernel && kernelAtLeast(target.kernelVersion, excludes.minKernel)) return false;
  if (includes.arches?.length && !includes.arches.includes(arch)) return false;
  if (includes.caps?.some((name) => !target.capabilities.includes(name))) return false;
  return !includes.minKernel || kernelAtLeast(target.kernelVersion, includes.minKernel);
}

function specRule(rule: SeccompRule): SpecSyscallRule {
  return {
    names: rule.name ? [rule.name] : [...(rule.names ?? [])],
    action: rule.action,
    ...(rule.errnoRet === undefined ? {} : { errnoRet: rule.errnoRet }),
    ...(rule.args?.length
      ? {
          args: rule.args.map(({ index = 0, value = 0, valueTwo = 0, op = '' }) => ({
            index,
            value,
            valueTwo,
            op,
          })),
        }
      : {}),
  };
}
