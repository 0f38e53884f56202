/** What a container made through a scoped socket may not ask for. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Container, ContainerTable } from '../engine/container-table.ts';
import type { SocketScope } from '../engine/sockets.ts';
import { allPermissions } from '../engine/sockets-permissions.ts';
import { Fields } from './fields.ts';
import { decodeHostConfig } from './host-config-decode.ts';
import { hostProblem } from './scoped-access-host.ts';

const others: Record<string, { mounts: Array<{ type: string }>; hostConfig: { networkMode: string } }> = {
  plain: { mounts: [{ type: 'volume' }], hostConfig: { networkMode: 'default' } },
  bound: { mounts: [{ type: 'bind' }], hostConfig: { networkMode: 'default' } },
  onhost: { mounts: [], hostConfig: { networkMode: 'host' } },
  joined: { mounts: [], hostConfig: { networkMode: 'container:onhost' } },
};

function problemOf(hostConfig: Record<string, unknown>, permissions = allPermissions): string | undefined {
  const scope: SocketScope = { name: 's', permissions: new Set(permissions), labels: [], allowHost: false };
  const find = (ref: string): Container | undefined => {
    const record = others[ref];
    // Mounts and network mode are all that is looked at.
    return record === undefined ? undefined : ({ record } as unknown as Container);
  };
  const containers = { find } as unknown as ContainerTable;
  return hostProblem(decodeHostConfig(Fields.of(hostConfig)), { scope, containers });
}

test('an ordinary container asks for nothing of the host', () => {
  const ordinary = {
    Memory: 1e9,
    NanoCpus: 5e8,
    PidsLimit: 100,
    Binds: ['data:/data', '/anonymous'],
    Mounts: [
      { Type: 'volume', Source: 'v', Target: '/v' },
      { Type: 'tmpfs', Target: '/t' },
    ],
    Tmpfs: { '/run': '' },
    NetworkMode: 'bridge',
    Annotations: { 'gantry.egress': 'none' },
    PortBindings: { '80/tcp': [{ HostPort: '8080' }] },
    RestartPolicy: { Name: 'always' },
    CapAdd: ['NET_BIND_SERVICE', 'CAP_CHOWN'],
    CapDrop: ['ALL'],
    SecurityOpt: ['no-new-privileges'],
    Ulimits: [{ Name: 'nofile', Soft: 1, Hard: 2 }],
    IpcMode: 'private',
    LogConfig: { Type: 'json-file', Config: { 'max-size': '1m' } },
    VolumesFrom: ['plain:ro'],
    MaskedPaths: null,
    ReadonlyPaths: null,
    Privileged: false,
  };
  assert.equal(problemOf(ordinary), undefined);
  assert.equal(problemOf({}), undefined);
  assert.equal(problemOf({ NetworkMode: 'container:plain' }), undefined);
});

test('each way to the host is refused', () => {
  const ways: ReadonlyArray<Record<string, unknown>> = [
    { Privileged: true },
    { privileged: true },
    { Binds: ['/:/host'] },
    { Binds: ['./x:/x'] },
    { Mounts: [{ Type: 'bind', Source: '/', Target: '/h' }] },
    { Mounts: [{ Type: 'npipe', Source: 'x', Target: '/h' }] },
    {
      Mounts: [
        {
          Type: 'volume',
          Target: '/h',
          VolumeOptions: {
            DriverConfig: { Name: 'local', Options: { type: 'none', o: 'bind', device: '/' } },
          },
        },
      ],
    },
    { VolumesFrom: ['bound'] },
    { VolumesFrom: ['unseen'] },
    { VolumeDriver: 'other' },
    { NetworkMode: 'host' },
    { NetworkMode: 'container:onhost' },
    { NetworkMode: 'container:joined' },
    { NetworkMode: 'container:unseen' },
    { PidMode: 'host' },
    { PidMode: 'container:plain' },
    { IpcMode: 'host' },
    { IpcMode: 'container:plain' },
    { UTSMode: 'host' },
    { UsernsMode: 'host' },
    { CgroupnsMode: 'host' },
    { Cgroup: 'container:plain' },
    { CgroupParent: '/other' },
    { Devices: [{ PathOnHost: '/dev/sda', PathInContainer: '/dev/sda', CgroupPermissions: 'rwm' }] },
    { DeviceCgroupRules: ['a *:* rwm'] },
    { DeviceRequests: [{ Driver: 'cdi' }] },
    { BlkioDeviceReadBps: [{ Path: '/dev/sda', Rate: 1 }] },
    { CapAdd: ['SYS_ADMIN'] },
    { CapAdd: ['all'] },
    { SecurityOpt: ['seccomp=unconfined'] },
    { SecurityOpt: ['no-new-privileges', 'systempaths=unconfined'] },
    { MaskedPaths: [] },
    { ReadonlyPaths: [] },
    { Sysctls: { 'net.ipv4.ip_forward': '1' } },
    { Runtime: 'other' },
    { Annotations: { 'run.oci.handler': 'x' } },
    { OomScoreAdj: -1000 },
    { OomKillDisable: true },
    { CpuRealtimeRuntime: 1 },
    { LogConfig: { Type: 'syslog', Config: { 'syslog-address': 'tcp://10.0.0.1:514' } } },
    { Links: ['unseen:x'] },
  ];
  for (const way of ways) assert.equal(typeof problemOf(way), 'string', JSON.stringify(way));
});

test('named volumes are for those who may write volumes', () => {
  assert.match(problemOf({ Binds: ['data:/data'] }, ['containers:write']) ?? '', /needs volumes:write/);
  assert.match(problemOf({ VolumesFrom: ['plain'] }, ['containers:write']) ?? '', /needs volumes:write/);
  assert.equal(
    problemOf({ Binds: ['/anonymous'], Mounts: [{ Type: 'volume', Target: '/x' }] }, ['containers:write']),
    undefined,
  );
});
