/** The default system-call filter is in effect Docker's; profiles of the user's own are checked and applied. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { hostFacts } from '../../../test/support/spec-input.ts';
import { capabilityNames } from '../../host/capabilities.ts';
import type { SpecSeccomp } from '../../oci/runtime-spec.ts';
import { defaultCapabilities } from './capabilities.ts';
import { buildSeccomp } from './seccomp.ts';
import { defaultProfile } from './seccomp-default.ts';
import { applyProfile, parseSeccompProfile } from './seccomp-profile.ts';

const specDirectory = process.env['GANTRY_SPEC_DIR'] ?? join(import.meta.dirname, '../../../../shared/spec');
const published = join(specDirectory, 'seccomp-default.json');

/** One line for each call and condition: what a filter lets through, whatever the order and grouping of its rules. */
function effectOf(filter: SpecSeccomp): string[] {
  const lines = filter.syscalls.flatMap((rule) => {
    const conditions = (rule.args ?? []).map((a) => `${a.index} ${a.op} ${a.value} ${a.valueTwo ?? 0}`);
    return rule.names.map((name) => `${name} ${rule.action} ${rule.errnoRet ?? ''} ${conditions.join()}`);
  });
  return [...new Set(lines)].sort();
}

test('in effect the same as the published profile, for all architectures, kernels and capabilities', {
  skip: existsSync(published) ? false : 'the published profile is not here',
}, () => {
  const theirs = parseSeccompProfile(readFileSync(published, 'utf8'));
  const sets = [[], defaultCapabilities, capabilityNames, ...capabilityNames.map((name) => [name])];
  for (const architecture of ['amd64', 'arm64', 'arm', '386', 's390x', 'ppc64le', 'riscv64', 'mips64'])
    for (const kernelVersion of ['4.4.0', '4.8.0', '6.18.1'])
      for (const capabilities of sets) {
        const target = { architecture, kernelVersion, capabilities };
        const [ours, want] = [applyProfile(defaultProfile, target), applyProfile(theirs, target)];
        assert.deepEqual(effectOf(ours), effectOf(want), JSON.stringify(target));
        assert.deepEqual({ ...ours, syscalls: [] }, { ...want, syscalls: [] });
      }
});

test('the default filter without reference to any file: what it keeps out and lets in', () => {
  const filter = (capabilities: readonly string[]) =>
    effectOf(applyProfile(defaultProfile, { architecture: 'amd64', kernelVersion: '6.1.0', capabilities }));
  const plain = filter(defaultCapabilities).map((line) => line.split(' ')[0]);
  for (const name of [
    'keyctl',
    'add_key',
    'mount',
    'reboot',
    'bpf',
    'init_module',
    'setns',
    'kexec_load',
    'io_uring_setup',
  ])
    assert.ok(!plain.includes(name), name);
  for (const name of ['read', 'openat', 'futex', 'clone', 'ptrace', 'chroot', 'arch_prctl'])
    assert.ok(plain.includes(name), name);
  assert.ok(
    filter([...defaultCapabilities, 'CAP_SYS_ADMIN']).some((line) => line.startsWith('mount SCMP_ACT_ALLOW')),
  );
  assert.ok(filter(defaultCapabilities).includes('clone3 SCMP_ACT_ERRNO 38 '));
});

const base = {
  option: undefined,
  daemonProfile: undefined,
  privileged: false,
  capabilities: defaultCapabilities,
};

test('who gets which filter', () => {
  const host = hostFacts();
  const count = (request: Partial<typeof base> | { option: string } | { daemonProfile: string }) =>
    buildSeccomp({ ...base, ...request }, host)?.syscalls.length;
  const builtin = count({});
  assert.ok(builtin !== undefined && builtin > 10);
  assert.equal(count({ option: 'builtin' }), builtin);
  assert.equal(count({ option: 'unconfined' }), undefined);
  assert.equal(count({ privileged: true }), undefined);
  assert.equal(count({ option: '{"defaultAction":"SCMP_ACT_ALLOW"}' }), 0);
  assert.equal(count({ daemonProfile: 'unconfined' }), undefined);
  assert.equal(count({ daemonProfile: '{"defaultAction":"SCMP_ACT_ALLOW"}' }), 0);
});

test('a kernel without seccomp: nothing, unless a profile was asked for', () => {
  const host = { ...hostFacts(), security: { ...hostFacts().security, seccomp: false } };
  assert.equal(buildSeccomp(base, host), undefined);
  assert.throws(() => buildSeccomp({ ...base, option: '{"defaultAction":"SCMP_ACT_ALLOW"}' }, host), {
    message: 'seccomp is not enabled in your kernel, cannot run with custom seccomp profile',
  });
});

test('malformed profiles are refused', () => {
  for (const json of [
    '',
    '{',
    '[]',
    '{}',
    '{"defaultAction":1}',
    '{"defaultAction":"A","syscalls":[{}]}',
    '/etc/profile.json',
  ])
    assert.throws(() => parseSeccompProfile(json), /^EngineError: decoding seccomp profile failed: /, json);
  const both = { defaultAction: 'A', architectures: ['X'], archMap: [{ architecture: 'X' }] };
  assert.throws(() => parseSeccompProfile(JSON.stringify(both)), /use either "architectures" or "archMap"/);
  const named = { defaultAction: 'A', syscalls: [{ name: 'read', names: ['write'], action: 'B' }] };
  assert.throws(() => parseSeccompProfile(JSON.stringify(named)), /use either "name" or "names"/);
});

test('the old form with one name and given architectures is understood', () => {
  const json =
    '{"defaultAction":"A","architectures":["SCMP_ARCH_X86"],"syscalls":[{"name":"read","action":"B","args":[]}]}';
  const filter = applyProfile(parseSeccompProfile(json), {
    architecture: 'amd64',
    kernelVersion: '6.1',
    capabilities: [],
  });
  assert.deepEqual(filter, {
    defaultAction: 'A',
    architectures: ['SCMP_ARCH_X86'],
    syscalls: [{ names: ['read'], action: 'B' }],
  });
});
