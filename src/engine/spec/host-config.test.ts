/** Host configurations are completed, refused and warned about in Docker's words. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { containerConfig, hostConfig, hostFacts } from '../../../test/support/spec-input.ts';
import type { CgroupFeatures } from '../../host/cgroups.ts';
import type { HostFacts } from '../../host/facts.ts';
import type { ContainerConfig, HostConfig } from '../model.ts';
import { completeHostConfig, validateHostConfig } from './host-config.ts';

const features = Object.fromEntries(Object.keys(hostFacts().cgroups.features).map((name) => [name, true]));
/** A host that can do everything. */
const able: HostFacts = {
  ...hostFacts(),
  cpuCount: 4,
  cgroups: {
    ...hostFacts().cgroups,
    cpus: '0-3',
    mems: '0',
    features: features as unknown as CgroupFeatures,
  },
  security: { ...hostFacts().security, capabilities: hostFacts().security.kernelCapabilities },
};

const validate = (host: Partial<HostConfig>, facts = able, config: Partial<ContainerConfig> = {}) =>
  validateHostConfig(containerConfig(config), hostConfig(host), facts);

const refused: Array<[Partial<HostConfig>, string]> = [
  [{ memory: 1 << 20 }, 'Minimum memory limit allowed is 6MB'],
  [{ memory: -1 }, 'Minimum memory limit allowed is 6MB'],
  [
    { memory: 16 << 20, memorySwap: 8 << 20 },
    'Minimum memoryswap limit should be larger than memory limit, see usage',
  ],
  [{ memorySwap: 8 << 20 }, 'You should always set the Memory limit when using Memoryswap limit, see usage'],
  [{ memorySwappiness: 101 }, 'Invalid value: 101, valid memory swappiness range is 0-100'],
  [{ memoryReservation: 1 }, 'Minimum memory reservation allowed is 6MB'],
  [
    { memory: 8 << 20, memoryReservation: 9 << 20 },
    'Minimum memory limit can not be less than memory reservation limit, see usage',
  ],
  [{ nanoCpus: 1e9, cpuPeriod: 5000 }, 'Conflicting options: Nano CPUs and CPU Period cannot both be set'],
  [{ nanoCpus: 1e9, cpuQuota: 5000 }, 'Conflicting options: Nano CPUs and CPU Quota cannot both be set'],
  [{ nanoCpus: 5e9 }, 'Range of CPUs is from 0.01 to 4.00, as there are only 4 CPUs available'],
  [{ cpuPeriod: 1 }, 'CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)'],
  [{ cpuQuota: 1 }, 'CPU cfs quota can not be less than 1ms (i.e. 1000)'],
  [{ cpusetCpus: '7' }, 'Requested CPUs are not available - requested 7, available: 0-3'],
  [{ cpusetMems: '1' }, 'Requested memory nodes are not available - requested 1, available: 0'],
  [{ cpusetCpus: '3-1' }, 'Invalid value 3-1 for cpuset cpus: invalid format: 3-1'],
  [{ blkioWeight: 5 }, 'Range of blkio weight is from 10 to 1000'],
  [{ ipcMode: 'x' }, 'invalid IPC mode: x'],
  [{ pidMode: 'container:' }, 'invalid PID mode: container:'],
  [{ utsMode: 'container:x' }, 'invalid UTS mode: container:x'],
  [{ cgroupnsMode: 'x' }, 'invalid cgroup namespace mode: x'],
  [{ shmSize: -1 }, 'SHM size can not be less than 0'],
  [{ oomScoreAdj: 1001 }, 'Invalid value 1001, range for oom score adj is [-1000, 1000]'],
  [{ isolation: 'hyperv' }, "invalid isolation 'hyperv' on linux"],
  [{ capAdd: ['foo'] }, 'invalid CapAdd: unknown capability: "CAP_FOO"'],
  [{ capDrop: ['CAP_FOO'] }, 'invalid CapDrop: unknown capability: "CAP_FOO"'],
  [{ securityOpt: ['foo'] }, 'invalid --security-opt 1: "foo"'],
  [{ securityOpt: ['foo=bar'] }, 'invalid --security-opt 2: "foo=bar"'],
  [{ securityOpt: ['no-new-privileges=maybe'] }, 'invalid --security-opt 2: "no-new-privileges=maybe"'],
  [{ ulimits: [{ name: 'foo', soft: 1, hard: 1 }] }, 'invalid ulimit type: foo'],
  [
    { ulimits: [{ name: 'nofile', soft: 2, hard: 1 }] },
    'ulimit soft limit must be less than or equal to hard limit: 2 > 1',
  ],
  [{ sysctls: { 'kernel.panic': '1' } }, 'sysctl "kernel.panic" is not in a separate kernel namespace'],
  [
    { sysctls: { 'net.x': '1' }, networkMode: 'host' },
    'sysctl "net.x" not allowed in host network namespace',
  ],
  [
    { sysctls: { 'kernel.sem': '1' }, ipcMode: 'host' },
    'sysctl "kernel.sem" is not allowed in the hosts ipc namespace',
  ],
  [{ sysctls: { 'net/../kernel/panic': '1' } }, 'sysctl "net/../kernel/panic" is not a kernel parameter'],
  [{ sysctls: { 'net..x': '1' } }, 'sysctl "net..x" is not a kernel parameter'],
  [{ tmpfs: { '/': '' } }, "invalid specification: destination can't be '/'"],
  [{ tmpfs: { x: '' } }, "invalid mount path: 'x' mount path must be absolute"],
  [{ tmpfs: { '/x': 'foo' } }, 'invalid tmpfs option ["foo"]'],
  [{ deviceCgroupRules: ['x 1:2 rw'] }, "invalid device cgroup rule format: 'x 1:2 rw'"],
];

for (const [host, message] of refused)
  test(`refused: ${message}`, () => {
    assert.throws(() => validate(host), { code: 'invalid-argument', message });
  });

test('what two networks can’t both say', () => {
  const conflicts: Array<[Partial<HostConfig>, Partial<ContainerConfig>, string]> = [
    [{ utsMode: 'host' }, { hostname: 'x' }, 'hostname and the UTS mode'],
    [{ networkMode: 'container:x' }, { hostname: 'x' }, 'hostname and the network mode'],
    [{ networkMode: 'container:x', dns: ['1.1.1.1'] }, {}, 'dns and the network mode'],
    [
      { networkMode: 'container:x', publishAllPorts: true },
      {},
      'port publishing and the container type network mode',
    ],
    [
      { networkMode: 'container:x' },
      { exposedPorts: ['80/tcp'] },
      'port exposing and the container type network mode',
    ],
  ];
  for (const [host, config, message] of conflicts)
    assert.throws(() => validate(host, able, config), { message: `conflicting options: ${message}` });
});

test('everyday settings pass without a word', () => {
  const everyday: Partial<HostConfig> = {
    memory: 64 << 20,
    memorySwap: -1,
    nanoCpus: 1.5e9,
    cpusetCpus: '0-1,3',
    pidsLimit: 100,
    capAdd: ['all'],
    securityOpt: ['label=disable', 'no-new-privileges:true', 'seccomp=unconfined', 'apparmor=x'],
    sysctls: { 'net.ipv4.ip_forward': '1', 'kernel.shmmax': '1', 'fs.mqueue.msg_max': '1' },
    ulimits: [{ name: 'nofile', soft: -1, hard: -1 }],
    tmpfs: { '/run': 'rw,noexec,size=65536k,mode=1777' },
    ipcMode: 'container:abc',
    privileged: true,
    oomScoreAdj: -500,
  };
  assert.deepEqual(validate(everyday), []);
});

test('a host that can do nothing warns of each thing in Docker’s words', () => {
  const nothing = Object.fromEntries(
    Object.keys(features).map((name) => [name, false]),
  ) as unknown as CgroupFeatures;
  const unable: HostFacts = {
    ...able,
    oomScoreAdj: 0,
    hardLimits: { nofile: 1024 },
    cgroups: { ...able.cgroups, features: nothing, namespaces: false },
    security: { ...able.security, capabilities: new Set() },
  };
  const warnings = validate(
    {
      memory: 64 << 20,
      memorySwappiness: 10,
      cpuShares: 2,
      cpusetCpus: '0',
      pidsLimit: 5,
      blkioWeight: 100,
      cgroupnsMode: 'private',
      oomScoreAdj: -1,
      capDrop: ['ALL'],
      capAdd: ['SYS_TIME'],
      ulimits: [{ name: 'nofile', soft: 5, hard: 2048 }],
    },
    unable,
  );
  assert.deepEqual(warnings, [
    'Your kernel does not support memory limit capabilities or the cgroup is not mounted. Limitation discarded.',
    'Your kernel does not support memory swappiness capabilities or the cgroup is not mounted. Memory swappiness discarded.',
    'Your kernel does not support PIDs limit capabilities or the cgroup is not mounted. PIDs limit discarded.',
    'Your kernel does not support CPU shares or the cgroup is not mounted. Shares discarded.',
    'Your kernel does not support cpuset or the cgroup is not mounted. Cpuset discarded.',
    'Your kernel does not support Block I/O weight or the cgroup is not mounted. Weight discarded.',
    'Your kernel does not support cgroup namespaces.  Cgroup namespace setting discarded.',
    'The daemon may not give CAP_SYS_TIME: the container goes without.',
    'The daemon may not lower OOM scores (CAP_SYS_RESOURCE is missing): oom-score-adj -1 discarded.',
    'The daemon may not raise hard limits (CAP_SYS_RESOURCE is missing): ulimit nofile lowered from 2048 to 1024.',
  ]);
});

test('the systemd driver takes only slices', () => {
  const check = (cgroupParent: string) =>
    validateHostConfig(containerConfig(), hostConfig({ cgroupParent }), able, { cgroupDriver: 'systemd' });
  assert.deepEqual(check('mine.slice'), []);
  for (const parent of ['/mine', '.slice', 'mine'])
    assert.throws(() => check(parent), /cgroup-parent for systemd cgroup should be a valid slice/);
});

test('defaults are filled in', () => {
  const complete = (host: Partial<HostConfig>, mode: 'v1' | 'v2') =>
    completeHostConfig(hostConfig(host), { ...able, cgroups: { ...able.cgroups, mode } }, { shmSize: 64 });
  const filled = complete({ memory: 100 }, 'v1');
  assert.equal(filled.memorySwap, 200);
  assert.equal(filled.shmSize, 64);
  assert.equal(filled.ipcMode, 'private');
  assert.equal(filled.cgroupnsMode, 'host');
  assert.equal(filled.oomKillDisable, false);
  assert.equal(complete({}, 'v2').cgroupnsMode, 'private');
  assert.equal(complete({ memory: 100, memorySwap: -1 }, 'v2').memorySwap, -1);
  assert.equal(complete({ ipcMode: 'host', shmSize: 5 }, 'v2').shmSize, 5);
});
