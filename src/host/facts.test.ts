/** Facts agree with what the system itself says. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { capabilitiesOfMask, capabilityNames, maskOfCapabilities } from './capabilities.ts';
import { findProgram, readHardLimits, readHostFacts } from './facts.ts';
import { kernelAtLeast, parseKernelVersion } from './kernel.ts';
import { preflight } from './preflight.ts';

const facts = readHostFacts();

test('kernel, machine and capabilities', () => {
  assert.equal(facts.kernelVersion, execFileSync('uname', ['-r'], { encoding: 'utf8' }).trim());
  assert.equal(facts.machine, execFileSync('uname', ['-m'], { encoding: 'utf8' }).trim());
  assert.ok(facts.cpuCount >= 1 && facts.memoryTotal > 0);
  const bounding = /CapBnd:\t(\w+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  assert.equal(maskOfCapabilities(facts.security.capabilities), bounding);
});

test('masks and names are two spellings of one thing', () => {
  assert.equal(capabilityNames.length, 41);
  assert.equal(capabilityNames[21], 'CAP_SYS_ADMIN');
  assert.equal(maskOfCapabilities(capabilitiesOfMask('00000000a80425fb')), '00000000a80425fb');
  assert.deepEqual(capabilitiesOfMask('0'), []);
});

test('hard limits are read by the names of --ulimit', () => {
  const limits = readHardLimits(readFileSync('/proc/self/limits', 'utf8'));
  const shell = execFileSync('sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' }).trim();
  assert.equal(limits['nofile'], shell === 'unlimited' ? Number.POSITIVE_INFINITY : Number(shell));
  assert.equal(Object.keys(limits).length, 15);
});

test('versions compare by number', () => {
  assert.ok(kernelAtLeast('6.18.44-fc', '4.8'));
  assert.ok(kernelAtLeast('5.10.0', '5.10'));
  assert.ok(!kernelAtLeast('5.9.99', '5.10'));
  assert.deepEqual(parseKernelVersion('6.1-rc3'), { major: 6, minor: 1, patch: 0 });
});

test('programs are found in PATH first, and only where they can be run', () => {
  const directory = mkdtempSync(join(tmpdir(), 'gantry-facts-'));
  try {
    writeFileSync(join(directory, 'sh'), '', { mode: 0o755 });
    assert.equal(findProgram('sh', directory), join(directory, 'sh'));
    writeFileSync(join(directory, 'plain'), '', { mode: 0o644 });
    assert.equal(findProgram('plain', directory), undefined);
    assert.match(findProgram('sh', '') ?? '', /^\/.*\/sh$/);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('preflight: nothing worse than a warning here; what is missing comes first and says how to mend it', () => {
  assert.deepEqual(
    preflight(facts).filter((finding) => finding.severity === 'error'),
    [],
  );
  const bare = {
    ...facts,
    runsAsRoot: false,
    programs: {},
    kernelVersion: '4.19.0',
    overlay: { loaded: false, parameters: {} },
    cgroups: { ...facts.cgroups, hierarchies: [] },
  };
  const findings = preflight(bare);
  const errors = findings.filter((finding) => finding.severity === 'error').map((finding) => finding.what);
  assert.deepEqual(
    findings.slice(0, errors.length).map((finding) => finding.what),
    errors,
  );
  for (const word of ['root', 'kernel', 'overlay', 'OCI runtime', 'nft', 'cgroup'])
    assert.ok(
      errors.some((what) => what.includes(word)),
      word,
    );
  for (const { mend } of findings) assert.match(mend, /^[A-Z].*[.)]$/);
});

test('without nft, iptables does: that is worth a note, no more', () => {
  const programs = { ...facts.programs, iptables: '/usr/sbin/iptables' };
  delete programs.nft;
  const found = preflight({ ...facts, programs }).find(({ what }) => what.includes('nft'));
  assert.equal(found?.severity, 'note');
  assert.match(found?.what ?? '', /iptables is used/);
});

test('preflight tells of a hybrid host’s v2 controllers, and of capabilities that can’t be given', () => {
  const cgroups = { ...facts.cgroups, mode: 'hybrid' as const, hybridWithControllers: ['hugetlb'] };
  const security = { ...facts.security, capabilities: new Set(['CAP_CHOWN']) };
  const text = preflight({ ...facts, cgroups, security }).map((finding) => finding.what);
  assert.ok(text.some((what) => what.includes('hugetlb')));
  assert.ok(text.some((what) => what.includes('CAP_SYS_ADMIN')));
});
