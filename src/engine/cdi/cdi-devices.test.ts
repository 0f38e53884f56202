import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deviceNames, parseDeviceRequest, resolveDevices } from './cdi-devices.ts';
import { parseCdiSpec } from './cdi-spec.ts';

const spec = parseCdiSpec({
  cdiVersion: '0.6.0',
  kind: 'nvidia.com/gpu',
  containerEdits: { env: ['ALL=1'] },
  devices: [
    { name: '0', containerEdits: { env: ['A=0'] } },
    { name: '1', containerEdits: { env: ['A=1'] } },
    { name: 'all', containerEdits: { env: ['A=all'] } },
  ],
});

function envOf(request: object): string[][] {
  return resolveDevices([spec], [parseDeviceRequest(request)]).map((edits) => edits.env);
}

test('devices by name: the common edits once, then each, and none twice', () => {
  assert.deepEqual(deviceNames([spec]), ['nvidia.com/gpu=0', 'nvidia.com/gpu=1', 'nvidia.com/gpu=all']);
  const ids = ['nvidia.com/gpu=1', 'nvidia.com/gpu=0', 'nvidia.com/gpu=1'];
  assert.deepEqual(envOf({ Driver: 'cdi', DeviceIDs: ids }), [['ALL=1'], ['A=1'], ['A=0']]);
});

test('GPUs: all of them, so many, or those that are named', () => {
  const gpu = { Driver: '', Capabilities: [['gpu']] };
  assert.deepEqual(envOf({ ...gpu, Count: -1 }), [['ALL=1'], ['A=all']]);
  assert.deepEqual(envOf({ ...gpu, Count: 2 }), [['ALL=1'], ['A=0'], ['A=1']]);
  assert.deepEqual(envOf({ ...gpu, Driver: 'nvidia', DeviceIDs: ['1'] }), [['ALL=1'], ['A=1']]);
  assert.throws(
    () => envOf({ ...gpu, Count: 4 }),
    /unresolvable CDI devices nvidia.com\/gpu=2, nvidia.com\/gpu=3/,
  );
});

test('drivers and devices that nobody has are refused in words of Docker', () => {
  const words = /could not select device driver "acme" with capabilities: \[\[gpu\]\]/;
  assert.throws(() => envOf({ Driver: 'acme', Capabilities: [['gpu']] }), words);
  assert.throws(
    () => resolveDevices([], [parseDeviceRequest({ Capabilities: [['gpu']] })]),
    /device driver ""/,
  );
  assert.throws(
    () => envOf({ Driver: 'cdi', DeviceIDs: ['x.com/y=z'] }),
    /unresolvable CDI devices x.com\/y=z/,
  );
});

test('documents that are none say why', () => {
  const device = (containerEdits: unknown) => ({
    cdiVersion: '0.6.0',
    kind: 'a.b/c',
    devices: [{ name: 'x', containerEdits }],
  });
  assert.throws(() => parseCdiSpec([]), /no object/);
  assert.throws(() => parseCdiSpec({ cdiVersion: '1', kind: 'x' }), /no vendor\/class/);
  assert.throws(() => parseCdiSpec(device({ env: [1] })), /entry of env is no text/);
  assert.throws(() => parseCdiSpec(device({ deviceNodes: [{}] })), /path is missing/);
  assert.throws(() => parseCdiSpec(device({ hooks: [{ hookName: 'x', path: '/y' }] })), /unknown hook x/);
});
