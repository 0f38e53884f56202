import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isEngineError } from '../errors/engine-error.ts';
import { parseParentOptions, parseVlanName, refuseSharedParent } from './macvlan-options.ts';
import type { NetworkDescription } from './network-types.ts';

const id = 'ab'.repeat(32);
const parse = (driver: string, options: Record<string, string> = {}) =>
  parseParentOptions({ id, driver, options });

test('modes, flags and parents, and what they are unless told', () => {
  assert.deepEqual(parse('macvlan'), {
    link: { driver: 'macvlan', mode: 'bridge' },
    parent: 'dm-abababababab',
    isOwnParent: true,
  });
  assert.deepEqual(parse('ipvlan', { parent: 'eth0', ipvlan_mode: 'l3s', ipvlan_flag: 'vepa' }), {
    link: { driver: 'ipvlan', mode: 'l3s', flag: 'vepa' },
    parent: 'eth0',
    isOwnParent: false,
  });
  assert.equal(parse('ipvlan').parent, 'di-abababababab');
});

test('what can’t be is refused', () => {
  const bad: Array<[driver: string, options: Record<string, string>, message: RegExp]> = [
    ['macvlan', { macvlan_mode: 'l2' }, /requested macvlan mode 'l2' is not valid/],
    ['macvlan', { macvlan_mode: 'constructor' }, /is not valid/],
    ['ipvlan', { ipvlan_mode: 'bridge' }, /requested ipvlan mode 'bridge' is not valid/],
    ['ipvlan', { ipvlan_flag: 'l2' }, /requested ipvlan flag 'l2' is not valid/],
    ['ipvlan', { parent: 'lo' }, /loopback interface is not a valid ipvlan parent link/],
    ['macvlan', { parent: '../x' }, /can't be the name/],
  ];
  for (const [driver, options, message] of bad)
    assert.throws(
      () => parse(driver, options),
      (error: unknown) => isEngineError(error, 'invalid-argument') && message.test(error.message),
    );
});

test('a VLAN’s name is an interface’s, a dot, and a number from 1 to 4094', () => {
  assert.deepEqual(parseVlanName('eth0.50'), { lower: 'eth0', vlan: 50 });
  for (const name of ['eth0', 'eth0.0', 'eth0.4095', 'eth0.x', 'eth0.1.2', '.5'])
    assert.throws(
      () => parseVlanName(name),
      (error: unknown) => isEngineError(error, 'invalid-argument'),
      name,
    );
});

test('parents are shared, but not with passthru, nor by both drivers', () => {
  const network = (driver: string, options: Record<string, string>) =>
    ({ id, driver, options: { parent: 'eth0', ...options } }) as unknown as NetworkDescription;
  const bridge = network('macvlan', {});
  const passthru = network('macvlan', { macvlan_mode: 'passthru' });
  refuseSharedParent(bridge, [bridge, network('bridge', {}), network('ipvlan', { parent: 'eth1' })]);
  for (const [wanted, other] of [
    [passthru, bridge],
    [bridge, passthru],
    [network('ipvlan', {}), bridge],
  ] as const)
    assert.throws(
      () => refuseSharedParent(wanted, [other]),
      (error: unknown) => isEngineError(error, 'forbidden') && error.message.includes('eth0'),
    );
});
