import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeContainerConfig } from './container-config.ts';
import { forVersion } from './create-version.ts';
import { Fields } from './fields.ts';
import { decodeHostConfig } from './host-config-decode.ts';

const bindOptions = { NonRecursive: true, CreateMountpoint: true };

function created(version: string, hostFields: object = {}) {
  const health = { Healthcheck: { Test: ['CMD', 'true'], StartInterval: 7_000_000 } };
  const decoded = {
    config: decodeContainerConfig(Fields.of(health)),
    hostConfig: decodeHostConfig(Fields.of(hostFields)),
  };
  const { config, hostConfig } = forVersion(decoded, version);
  return { decoded, config, hostConfig };
}

test('the newest client gets what it asked for', () => {
  const { decoded, config, hostConfig } = created('1.51', {
    AutoRemove: true,
    ConsoleSize: [1, 2],
    Annotations: { a: 'b' },
    Mounts: [{ Type: 'bind', Source: '/a', Target: '/b', ReadOnly: true, BindOptions: bindOptions }],
  });
  assert.deepEqual({ config, hostConfig }, decoded);
});

test('the defaults of older days', () => {
  assert.equal(created('1.24', { AutoRemove: true }).hostConfig.autoRemove, false);
  assert.equal(created('1.25', { AutoRemove: true }).hostConfig.autoRemove, true);
  assert.deepEqual(
    ['1.39', '1.40', '1.41'].map((version) => {
      const { ipcMode, cgroupnsMode } = created(version).hostConfig;
      return [ipcMode, cgroupnsMode];
    }),
    [
      ['shareable', 'host'],
      ['', 'host'],
      ['', ''],
    ],
  );
  assert.equal(created('1.39', { IpcMode: 'private' }).hostConfig.ipcMode, 'private');
});

test('what did not exist yet is not taken', () => {
  const given = { ConsoleSize: [1, 2], Annotations: { a: 'b' } };
  const { hostConfig, config } = created('1.41', given);
  assert.deepEqual([hostConfig.consoleSize, hostConfig.annotations], [[0, 0], {}]);
  const egress = { 'gantry.egress': 'none' };
  assert.deepEqual(created('1.24', { Annotations: { a: 'b', ...egress } }).hostConfig.annotations, egress);
  assert.equal(config.healthcheck?.startInterval, 0);
  assert.deepEqual(created('1.43', given).hostConfig.consoleSize, [1, 2]);
  assert.equal(created('1.44').config.healthcheck?.startInterval, 7_000_000);
});

test('mounts', () => {
  const mount = (version: string, fields: object) =>
    created(version, { Mounts: [fields] }).hostConfig.mounts[0];
  const bind = { Type: 'bind', Source: '/a', Target: '/b', ReadOnly: true, BindOptions: bindOptions };
  const { nonRecursive, createMountpoint, readOnlyNonRecursive } = mount('1.39', bind)?.bind ?? {};
  assert.deepEqual([nonRecursive, createMountpoint, readOnlyNonRecursive], [false, false, true]);
  assert.equal(mount('1.43', bind)?.bind?.createMountpoint, true);
  assert.equal(mount('1.43', { ...bind, ReadOnly: false, BindOptions: undefined })?.bind, undefined);
  const volume = { Type: 'volume', Source: 'v', Target: '/b', VolumeOptions: { Subpath: 'x' } };
  assert.equal(mount('1.44', volume)?.volume?.subpath, undefined);
  assert.equal(mount('1.45', volume)?.volume?.subpath, 'x');
});
