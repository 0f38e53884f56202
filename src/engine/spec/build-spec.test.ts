/** Configurations as Docker would make them; what they do is tested in test/integration/isolation-*. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Changes, containerRecord, hostFacts, specInput } from '../../../test/support/spec-input.ts';
import type { MountPoint } from '../model.ts';
import { buildSpec } from './build-spec.ts';
import { defaultCapabilities } from './capabilities.ts';
import { buildExecProcess } from './exec-process.ts';
import { blockDevicePaths } from './resources.ts';
import { networkSysctls } from './sysctls.ts';
import { mergeTmpfsOptions } from './tmpfs-options.ts';

const build = (changes: Changes = {}, command: readonly string[] = ['/bin/sh', '-c', 'true']) =>
  buildSpec(specInput(command, changes));
const bind = (destination: string, change: Partial<MountPoint> = {}): MountPoint => ({
  type: 'bind',
  source: `/source${destination}`,
  destination,
  mode: '',
  readWrite: true,
  propagation: '',
  ...change,
});

test('the process: command, environment, directory, capabilities', () => {
  const { process } = build({
    config: { tty: true, env: ['A=1', 'A=2', 'PATH=/mine', 'HOSTNAME'], workingDir: '/work' },
  });
  assert.deepEqual(process.args, ['/bin/sh', '-c', 'true']);
  assert.deepEqual(process.env, ['PATH=/mine', 'TERM=xterm', 'A=2', 'HOME=/root']);
  assert.equal(process.cwd, '/work');
  assert.equal(process.terminal, true);
  assert.deepEqual(process.capabilities.effective, defaultCapabilities);
  assert.equal(process.capabilities.inheritable, undefined);
});

test('mounts: the standard ones first, then by depth; the user’s replace both the standard ones and the network’s files', () => {
  const { mounts } = build({
    input: {
      mounts: [bind('/a/b/c'), bind('/a'), bind('/dev/shm'), bind('/etc/hosts', { readWrite: false })],
      files: { hosts: '/ours/hosts', resolvConf: '/ours/resolv' },
    },
    host: { tmpfs: { '/a/b': 'size=1m' } },
  });
  assert.deepEqual(
    mounts.map((mount) => mount.destination),
    [
      '/proc',
      '/dev',
      '/dev/pts',
      '/sys',
      '/sys/fs/cgroup',
      '/dev/mqueue',
      '/a',
      '/dev/shm',
      '/etc/hosts',
      '/a/b',
      '/etc/resolv.conf',
      '/a/b/c',
    ],
  );
  assert.equal(mounts.find((mount) => mount.destination === '/etc/hosts')?.source, '/source/etc/hosts');
  assert.equal(mounts.find((mount) => mount.destination === '/dev/shm')?.type, 'bind');
});

test('with a /dev of the user’s own nothing of the standard is put below it', () => {
  const { mounts } = build({ input: { mounts: [bind('/dev')] } });
  assert.deepEqual(
    mounts.map((mount) => mount.destination).filter((path) => path.startsWith('/dev')),
    ['/dev'],
  );
});

test('shared memory by IPC mode', () => {
  const shm = (ipcMode: string, shmPath?: string) => {
    const join = { ipc: { pid: 7 } };
    const { mounts, linux } = build({
      host: { ipcMode },
      input: { join, ...(shmPath === undefined ? {} : { shmPath }) },
    });
    const mount = mounts.find((candidate) => candidate.destination === '/dev/shm');
    return [mount?.source, linux.namespaces.find((namespace) => namespace.type === 'ipc')];
  };
  assert.deepEqual(shm('private', '/x'), ['shm', { type: 'ipc' }]);
  assert.deepEqual(shm('none'), [undefined, { type: 'ipc' }]);
  assert.deepEqual(shm('host'), ['/dev/shm', undefined]);
  assert.deepEqual(shm('shareable', '/x'), ['/x', { type: 'ipc' }]);
  assert.deepEqual(shm('container:y', '/x'), ['/x', { type: 'ipc', path: '/proc/7/ns/ipc' }]);
});

test('namespaces: own, the host’s, and cgroup’s by mode of the host', () => {
  const types = (changes: Changes) => build(changes).linux.namespaces.map((namespace) => namespace.type);
  const host = hostFacts();
  const v2 = { ...host, cgroups: { ...host.cgroups, mode: 'v2' as const } };
  const v1 = { ...host, cgroups: { ...host.cgroups, mode: 'v1' as const } };
  assert.deepEqual(types({ input: { host: v1 } }), ['mount', 'network', 'uts', 'pid', 'ipc']);
  assert.deepEqual(types({ input: { host: v2 } }), ['mount', 'network', 'uts', 'pid', 'ipc', 'cgroup']);
  const shared = specInput(['true'], {
    host: { pidMode: 'host', utsMode: 'host', ipcMode: 'host' },
    input: { host: v1 },
  });
  delete shared.networkNamespacePath;
  const spec = buildSpec(shared);
  assert.deepEqual(spec.linux.namespaces, [{ type: 'mount' }]);
  assert.equal(spec.hostname, undefined);
  assert.deepEqual(spec.linux.sysctl, {});
  assert.throws(() => build({ host: { pidMode: 'container:x' } }), { code: 'conflict' });
});

test('read-only binds, and how mounts spread', () => {
  const { mounts, linux } = build({
    input: {
      mounts: [
        bind('/ro', { readWrite: false, propagation: 'rslave' }),
        bind('/one', { nonRecursive: true, readWrite: false }),
      ],
    },
  });
  assert.deepEqual(mounts.at(-2)?.options, ['rbind', 'ro', 'rro', 'rslave']);
  assert.deepEqual(mounts.at(-1)?.options, ['bind', 'ro', 'rprivate']);
  assert.equal(linux.rootfsPropagation, 'rslave');
  assert.equal(build().linux.rootfsPropagation, undefined);
});

test('--init puts a program before the command, but only as pid 1', () => {
  const spec = build({ host: { init: true }, input: { initPath: '/usr/bin/tini-static' } });
  assert.deepEqual(spec.process.args.slice(0, 3), ['/sbin/docker-init', '--', '/bin/sh']);
  assert.deepEqual(spec.mounts.at(-1), {
    destination: '/sbin/docker-init',
    type: 'bind',
    source: '/usr/bin/tini-static',
    options: ['bind', 'ro'],
  });
  assert.equal(build({ host: { init: true, pidMode: 'host' } }).process.args[0], '/bin/sh');
  assert.throws(() => build({ host: { init: true } }), /docker-init/);
});

test('a privileged container: no filter, no masks, writable /sys, all devices', () => {
  const { linux, mounts, process } = build({ host: { privileged: true } });
  assert.equal(linux.seccomp, undefined);
  assert.deepEqual([linux.maskedPaths, linux.readonlyPaths], [[], []]);
  assert.deepEqual(linux.resources.devices, [{ allow: true, access: 'rwm' }]);
  for (const path of ['/sys', '/sys/fs/cgroup'])
    assert.ok(!mounts.find((mount) => mount.destination === path)?.options.includes('ro'), path);
  assert.deepEqual(new Set(process.capabilities.bounding), hostFacts().security.capabilities);
});

test('--read-only makes all mounts so that the user did not ask for', () => {
  const { root, mounts } = build({
    host: { readonlyRootfs: true },
    input: { files: { hosts: '/h' }, mounts: [bind('/data')] },
  });
  assert.equal(root.readonly, true);
  const readonly = mounts.filter((mount) => mount.options.includes('ro')).map((mount) => mount.destination);
  assert.deepEqual(readonly, ['/sys', '/sys/fs/cgroup', '/etc/hosts']);
});

test('paths given by the client replace what is masked', () => {
  const { linux } = build({ host: { maskedPaths: [], readonlyPaths: ['/proc/x'] } });
  assert.deepEqual([linux.maskedPaths, linux.readonlyPaths], [[], ['/proc/x']]);
  assert.ok(build().linux.maskedPaths?.includes('/proc/kcore'));
});

test('limits: what the host can do is asked for, in the runtime’s terms', () => {
  const resources = {
    memory: 64 << 20,
    nanoCpus: 1.5e9,
    cpusetCpus: '0',
    pidsLimit: 7,
    blkioDeviceReadBps: [{ path: '/dev/vda', rate: 5 }],
  };
  const able = hostFacts();
  const input = { blockDevices: new Map([['/dev/vda', { major: 254, minor: 0 }]]) };
  const { devices, ...limits } = build({ host: resources, input }).linux.resources;
  assert.ok(devices.length > 5);
  assert.deepEqual(limits, {
    memory: { limit: 64 << 20, ...(able.cgroups.features.swap ? { swap: 128 << 20 } : {}) },
    cpu: { period: 100_000, quota: 150_000, cpus: '0' },
    pids: { limit: 7 },
    blockIO: { throttleReadBpsDevice: [{ major: 254, minor: 0, rate: 5 }] },
  });
  const none = Object.fromEntries(Object.keys(able.cgroups.features).map((name) => [name, false]));
  const unable = {
    ...able,
    cgroups: { ...able.cgroups, features: none as unknown as typeof able.cgroups.features },
  };
  assert.deepEqual(
    Object.keys(build({ host: resources, input: { ...input, host: unable } }).linux.resources),
    ['devices'],
  );
  assert.deepEqual(blockDevicePaths(containerRecord([], { host: resources }).hostConfig), ['/dev/vda']);
});

test('no limits: none are written', () => {
  assert.deepEqual(Object.keys(build({ host: { pidsLimit: -1, memorySwap: -1 } }).linux.resources), [
    'devices',
  ]);
});

test('kernel parameters: the network’s by the shim or by the runtime, once', () => {
  const changes: Changes = {
    config: { domainname: 'example' },
    host: {
      sysctls: {
        'net.ipv4.ip_unprivileged_port_start': '5',
        'net.ipv4.conf.eth0/1.rp_filter': '1',
        'kernel.sem': '2',
      },
    },
  };
  const { container, host } = specInput(['true'], changes);
  const network = networkSysctls(container, host);
  assert.deepEqual(network, {
    'ipv4/ping_group_range': '0 2147483647',
    'ipv4/ip_unprivileged_port_start': '5',
    'ipv4/conf/eth0.1/rp_filter': '1',
  });
  assert.deepEqual(build({ ...changes, input: { networkSysctlsDone: true } }).linux.sysctl, {
    'kernel.domainname': 'example',
    'kernel.sem': '2',
  });
  assert.equal(Object.keys(build(changes).linux.sysctl ?? {}).length, 5);
  const joined = containerRecord([], { host: { ...changes.host, networkMode: 'container:x' } });
  assert.deepEqual(Object.keys(networkSysctls(joined, host)), [
    'ipv4/ip_unprivileged_port_start',
    'ipv4/conf/eth0.1/rp_filter',
  ]);
  assert.deepEqual(networkSysctls(containerRecord([], { host: { networkMode: 'host' } }), host), {});
});

test('ulimits: the container’s over the daemon’s, capped without CAP_SYS_RESOURCE', () => {
  const host = hostFacts();
  const weak = {
    ...host,
    hardLimits: { nofile: 1000 },
    security: { ...host.security, capabilities: new Set<string>() },
  };
  const defaults = {
    ...specInput([]).defaults,
    ulimits: [
      { name: 'nofile', soft: 1, hard: 1 },
      { name: 'core', soft: 0, hard: -1 },
    ],
  };
  const { process } = build({
    host: { ulimits: [{ name: 'nofile', soft: 2000, hard: -1 }] },
    input: { host: weak, defaults },
  });
  assert.deepEqual(process.rlimits, [
    { type: 'RLIMIT_NOFILE', soft: 1000, hard: 1000 },
    { type: 'RLIMIT_CORE', soft: 0, hard: Number.POSITIVE_INFINITY },
  ]);
});

test('AppArmor: nothing without it, Docker’s profile where it is loaded, another where asked for', () => {
  const host = hostFacts();
  const profile = (apparmor: boolean, loaded: string[], change: Partial<Changes['host']> = {}) => {
    const security = { ...host.security, apparmor, apparmorProfiles: new Set(loaded) };
    return build({ host: { ...change }, input: { host: { ...host, security } } }).process.apparmorProfile;
  };
  assert.equal(profile(false, [], { securityOpt: ['apparmor=mine'] }), undefined);
  assert.equal(profile(true, []), undefined);
  assert.equal(profile(true, ['docker-default']), 'docker-default');
  assert.equal(profile(true, ['docker-default'], { privileged: true }), 'unconfined');
  assert.equal(profile(true, [], { securityOpt: ['apparmor=mine'] }), 'mine');
});

test('tmpfs options: the last word counts', () => {
  assert.deepEqual(mergeTmpfsOptions([]), ['noexec', 'nosuid', 'nodev', 'rprivate']);
  assert.deepEqual(mergeTmpfsOptions(['exec', 'size=1m', 'size=2m', 'rw', 'ro']), [
    'nosuid',
    'nodev',
    'rprivate',
    'exec',
    'size=2m',
    'ro',
  ]);
});

test('an exec has the container’s confinement, and more where it is privileged', () => {
  const exec = {
    attachStdin: false,
    attachStdout: true,
    attachStderr: true,
    tty: false,
    env: ['B=2'],
    cmd: ['id'],
    privileged: false,
    user: '',
    workingDir: '',
  };
  const { container, host, defaults, user } = specInput(['true'], {
    config: { env: ['A=1'], workingDir: '/w' },
    host: { capDrop: ['ALL'], securityOpt: ['no-new-privileges'] },
  });
  const make = (change: Partial<typeof exec>) =>
    buildExecProcess({ container, host, defaults, user, hostname: 'h', exec: { ...exec, ...change } });
  const plain = make({});
  assert.deepEqual(plain.args, ['id']);
  assert.equal(plain.cwd, '/w');
  assert.deepEqual(plain.env.slice(1), ['HOSTNAME=h', 'A=1', 'B=2', 'HOME=/root']);
  assert.deepEqual(plain.capabilities.bounding, []);
  assert.equal(plain.noNewPrivileges, true);
  assert.equal(make({ privileged: true, workingDir: '/' }).cwd, '/');
  assert.equal(make({ privileged: true }).capabilities.bounding.length, host.security.capabilities.size);
});
