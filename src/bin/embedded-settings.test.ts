/** The settings of an embedded engine: places of its own, what the program says, and what makes no sense. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { embeddedConfig } from './embedded-settings.ts';

test('each data root has places of its own, the same each time', () => {
  const [one, again, other] = ['/a', '/a/', '/b'].map((dataRoot) => embeddedConfig({ dataRoot }, '/shim'));
  assert.ok(one !== undefined && again !== undefined && other !== undefined);
  const places = ({ execRoot, bridge, nftTable, cgroupParent }: typeof one): string[] => [
    execRoot,
    bridge,
    nftTable,
    cgroupParent,
  ];
  assert.deepEqual(places(one), places(again));
  for (const [index, place] of places(one).entries()) assert.notEqual(place, places(other)[index]);
  // The kernel's bound on names of interfaces.
  assert.ok(one.bridge.length <= 15);
  assert.deepEqual([one.dataRoot, one.shimPath], ['/a', '/shim']);
});

test('options, and settings under the keys of daemon.json', () => {
  const config = embeddedConfig(
    {
      dataRoot: '/a',
      execRoot: '/e',
      bridge: 'br7',
      subnet: '10.9.0.1/24',
      settings: { mtu: 1400, 'insecure-registries': ['127.0.0.1:5000'], 'nft-table': 'mine' },
    },
    '/shim',
  );
  assert.deepEqual([config.execRoot, config.bridge, config.bip], ['/e', 'br7', '10.9.0.1/24']);
  assert.deepEqual(
    [config.mtu, config.insecureRegistries, config.nftTable],
    [1400, ['127.0.0.1:5000'], 'mine'],
  );
});

test('what is unknown, twice, of the wrong type, or about listeners is refused by name', () => {
  const bad: Array<[Record<string, unknown>, RegExp]> = [
    [{ nonsense: 1 }, /nonsense/],
    [{ mtu: 'x' }, /mtu: it must be an integer/],
    [{ 'data-root': '/b' }, /specified both .* data-root/],
    [{ hosts: ['fd://'] }, /does not know hosts/],
    [{ tlsverify: true }, /does not know tlsverify/],
    [{ 'userns-remap': 'default' }, /userns-remap is not supported/],
  ];
  for (const [settings, message] of bad)
    assert.throws(() => embeddedConfig({ dataRoot: '/a', settings }, '/shim'), {
      code: 'invalid-argument',
      message,
    });
});
