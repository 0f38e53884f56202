import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeContainerConfig, encodeContainerConfig } from './container-config.ts';
import { Fields } from './fields.ts';
import { decodeHostConfig } from './host-config-decode.ts';
import { encodeHostConfig } from './host-config-encode.ts';

test('what a client sends in Config comes back', () => {
  const sent = {
    Hostname: 'h',
    User: '1:2',
    AttachStdout: true,
    ExposedPorts: { '80/tcp': {} },
    Tty: true,
    Env: ['A=b'],
    Cmd: ['echo', 'hi'],
    Healthcheck: { Test: ['CMD', 'true'], Interval: 1_000_000_000 },
    Image: 'busybox',
    Volumes: { '/data': {} },
    WorkingDir: '/w',
    Entrypoint: ['/e'],
    Labels: { a: 'b' },
    StopSignal: 'SIGINT',
    StopTimeout: 0,
    Shell: ['/bin/sh', '-c'],
  };
  const back = encodeContainerConfig(decodeContainerConfig(Fields.of(sent)));
  assert.deepEqual({ ...back, ...sent }, back);
});

test('Cmd and Entrypoint that are not given stay null', () => {
  const config = decodeContainerConfig(Fields.of({ Image: 'x' }));
  assert.deepEqual([config.cmd, config.entrypoint], [null, null]);
});

test('what a client sends in HostConfig comes back', () => {
  const sent = {
    Binds: ['/a:/b:ro'],
    LogConfig: { Type: 'json-file', Config: { 'max-size': '1m' } },
    NetworkMode: 'host',
    PortBindings: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '8080' }] },
    RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 3 },
    AutoRemove: true,
    CapAdd: ['NET_ADMIN'],
    Dns: ['1.1.1.1'],
    Memory: 67108864,
    MemorySwappiness: 0,
    PidsLimit: 10,
    OomKillDisable: false,
    Devices: [{ PathOnHost: '/dev/null', PathInContainer: '/dev/x', CgroupPermissions: 'rwm' }],
    BlkioDeviceReadBps: [{ Path: '/dev/vda', Rate: 1024 }],
    Ulimits: [{ Name: 'nofile', Hard: 2, Soft: 1 }],
    Tmpfs: { '/run': 'size=1m' },
    Sysctls: { 'net.core.somaxconn': '1' },
    Init: true,
    MaskedPaths: [],
    Mounts: [
      { Type: 'bind', Source: '/s', Target: '/t', ReadOnly: true, BindOptions: { Propagation: 'rslave' } },
      { Type: 'volume', Target: '/v', VolumeOptions: { NoCopy: true, Labels: { a: 'b' }, Subpath: 'sub' } },
      { Type: 'tmpfs', Target: '/tmp', TmpfsOptions: { SizeBytes: 1024, Mode: 448 } },
    ],
  };
  const back = encodeHostConfig(decodeHostConfig(Fields.of(sent)));
  assert.deepEqual({ ...back, ...sent }, back);
});

test('unknown policies and mount types are refused', () => {
  const decode = (document: object) => decodeHostConfig(Fields.of(document, 'HostConfig'));
  assert.throws(() => decode({ RestartPolicy: { Name: 'sometimes' } }), {
    code: 'invalid-argument',
    message: /unknown policy 'sometimes'/,
  });
  assert.throws(() => decode({ Mounts: [{ Type: 'nfs', Target: '/x' }] }), /mount type unknown: 'nfs'/);
});
