import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isEngineError } from '../errors/engine-error.ts';
import { AddressPool } from './address-pool.ts';
import { parseSubnet } from './ip-address.ts';

const small = () => new AddressPool({ subnet: parseSubnet('10.0.0.0/28'), gateway: '10.0.0.1' });

test('addresses go upward and one that was given back comes last', () => {
  const pool = small();
  assert.equal(pool.take(), '10.0.0.2');
  assert.equal(pool.take(), '10.0.0.3');
  pool.release('10.0.0.2');
  assert.equal(pool.take(), '10.0.0.4');
  for (let last = 5; last <= 14; last += 1) assert.equal(pool.take(), `10.0.0.${last}`);
  assert.equal(pool.take(), '10.0.0.2');
  assert.throws(
    () => pool.take(),
    (error: unknown) =>
      isEngineError(error, 'resource-exhausted') && /no available IPv4 addresses/.test(error.message),
  );
});

test('a requested address is taken if it is free, of the subnet, and nobody’s own', () => {
  const pool = small();
  pool.takeExactly('10.0.0.9');
  assert.throws(
    () => pool.takeExactly('10.0.0.9'),
    (error: unknown) => isEngineError(error, 'conflict'),
  );
  assert.throws(
    () => pool.takeExactly('10.0.0.1'),
    (error: unknown) => isEngineError(error, 'conflict'),
  );
  for (const address of ['10.0.0.0', '10.0.0.15', '10.0.1.2', 'fd00::2']) {
    assert.throws(
      () => pool.takeExactly(address),
      (error: unknown) => isEngineError(error, 'invalid-argument'),
    );
  }
});

test('a range narrows what is handed out, not what may be asked for', () => {
  const pool = new AddressPool({
    subnet: parseSubnet('10.0.0.0/24'),
    range: parseSubnet('10.0.0.128/30'),
    gateway: '10.0.0.1',
  });
  assert.deepEqual(
    [pool.take(), pool.take(), pool.take(), pool.take()],
    [128, 129, 130, 131].map((n) => `10.0.0.${n}`),
  );
  assert.throws(() => pool.take());
  pool.takeExactly('10.0.0.7');
});

test('no two owners ever share an address', () => {
  const steps = fc.array(fc.oneof(fc.constant('take' as const), fc.nat({ max: 15 })), { maxLength: 200 });
  fc.assert(
    fc.property(steps, (actions) => {
      const pool = small();
      const owned = new Set<string>();
      for (const action of actions) {
        if (action === 'take') {
          if (owned.size === 13) assert.throws(() => pool.take());
          else {
            const address = pool.take();
            assert.ok(!owned.has(address) && address !== '10.0.0.1');
            owned.add(address);
          }
        } else if (owned.delete(`10.0.0.${action}`)) pool.release(`10.0.0.${action}`);
      }
    }),
  );
});

test('a whole /16 is handed out', () => {
  const pool = new AddressPool({ subnet: parseSubnet('172.17.0.0/16'), gateway: '172.17.0.1' });
  const all = new Set(Array.from({ length: 65533 }, () => pool.take()));
  assert.equal(all.size, 65533);
  assert.throws(() => pool.take());
});

test('IPv6: upward too, an address is the same however it is written', () => {
  const pool = new AddressPool({
    subnet: parseSubnet('fd00::/64'),
    gateway: 'fd00::1',
    reserved: ['fd00:0::2'],
  });
  assert.equal(pool.take(), 'fd00::3');
  assert.ok(pool.tryTake('fd00:0:0::5'));
  assert.ok(!pool.tryTake('fd00::5'));
  assert.throws(() => pool.takeExactly('fd00:0:0:0::3'), /already in use/);
  const far = new AddressPool({
    subnet: parseSubnet('fd00::/64'),
    range: parseSubnet('fd00:0:0:0:1::/80'),
    gateway: 'fd00::1',
  });
  assert.equal(far.take(), 'fd00::1:0:0:0');
  assert.ok(!far.tryTake('fd00::9'));
  far.takeExactly('fd00::9');
});
