import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSubnet } from '../ip-address.ts';
import type { Endpoint } from '../network-types.ts';
import { type Asker, NameZone } from './name-zone.ts';

let serial = 0;
const endpoint = (
  networkId: string,
  containerId: string,
  ipAddress: string,
  more: Partial<Endpoint> = {},
): Endpoint => ({
  containerId,
  endpointId: `e${serial++}`,
  networkId,
  ipAddress,
  prefixLength: 24,
  gateway: '',
  macAddress: '',
  hostInterface: '',
  ports: [],
  naming: { names: [containerId], links: {}, servers: [] },
  ...more,
});
const named = (names: string[], links: Record<string, string> = {}) => ({
  naming: { names, links, servers: [] },
});

function zone(): NameZone {
  const made = new NameZone();
  made.addNetwork({ id: 'f', name: 'front', subnets: [parseSubnet('10.1.0.0/24')], internal: false });
  made.addNetwork({ id: 'b', name: 'back.end', subnets: [parseSubnet('10.2.0.0/24')], internal: false });
  return made;
}

function asker(of: NameZone, network: string, address: string): Asker {
  const found = of.asker(network, address, () => false);
  assert.ok(found !== undefined);
  return found;
}

test('a name is looked up in the network that was asked, then in the asker’s others', () => {
  const names = zone();
  for (const one of [
    endpoint('f', 'me', '10.1.0.2'),
    endpoint('b', 'me', '10.2.0.2'),
    endpoint('f', 'web', '10.1.0.3', { ipv6Address: 'fd00::3' }),
    endpoint('b', 'web', '10.2.0.3'),
    endpoint('b', 'db', '10.2.0.4', named(['db', 'x.y'])),
  ])
    names.add(one);
  const me = asker(names, 'f', '10.1.0.2');
  assert.deepEqual(names.resolve(me, 'Web', 4), ['10.1.0.3']);
  assert.deepEqual(names.resolve(me, 'web', 6), ['fd00::3']);
  assert.deepEqual(names.resolve(me, 'db', 6), []);
  assert.deepEqual(names.resolve(me, 'web.back.end', 4), ['10.2.0.3']);
  assert.deepEqual(names.resolve(me, 'x.y.BACK.end', 4), ['10.2.0.4']);
  assert.equal(names.resolve(me, 'nobody', 4), undefined);
  assert.equal(names.resolve(asker(names, 'f', '10.1.0.99'), 'db', 4), undefined);
});

test('an alias of a link is one container’s own', () => {
  const names = zone();
  names.add(endpoint('f', 'me', '10.1.0.2', named(['me'], { Store: 'db' })));
  names.add(endpoint('f', 'db', '10.1.0.3'));
  assert.deepEqual(names.resolve(asker(names, 'f', '10.1.0.2'), 'store', 4), ['10.1.0.3']);
  assert.equal(names.resolve(asker(names, 'f', '10.1.0.3'), 'store', 4), undefined);
});

test('someone on the subnet is answered what is known there, someone from elsewhere nothing', () => {
  const names = zone();
  names.add(endpoint('f', 'web', '10.1.0.3'));
  assert.deepEqual(names.resolve(asker(names, 'f', '10.1.0.99'), 'web', 4), ['10.1.0.3']);
  assert.equal(
    names.asker('f', '10.2.0.9', () => false),
    undefined,
  );
  assert.equal(
    names.asker('f', 'fe80::1%eth0', () => false),
    undefined,
  );
  assert.equal(
    names.asker('f', '', () => true),
    undefined,
  );
  assert.equal(
    names.asker('nosuch', '10.1.0.9', () => true),
    undefined,
  );
  assert.notEqual(
    names.asker('f', '192.0.2.1', (address) => address === '192.0.2.1'),
    undefined,
  );
});

test('reverse names: of a container, of nobody on an own subnet, of others', () => {
  const names = zone();
  names.add(endpoint('f', 'web', '10.1.0.3', { ...named(['web', 'www']), ipv6Address: 'fd00::3' }));
  const near = asker(names, 'f', '10.1.0.99');
  assert.equal(names.reverse(near, '10.1.0.3'), 'web.front');
  assert.equal(names.reverse(near, 'fd00:0::3'), 'web.front');
  assert.equal(names.reverse(near, '10.1.0.77'), null);
  assert.equal(names.reverse(near, '10.2.0.4'), undefined);
});

test('what is gone or silent is not answered, and an address goes to who has it now', () => {
  const names = zone();
  const old = endpoint('f', 'old', '10.1.0.3', named(['same']));
  names.add(old);
  const near = asker(names, 'f', '10.1.0.99');
  names.silence('old');
  assert.equal(names.resolve(near, 'same', 4), undefined);
  assert.equal(names.reverse(near, '10.1.0.3'), null);
  names.add(endpoint('f', 'new', '10.1.0.3', named(['same'])));
  names.remove(old);
  names.remove(old);
  assert.deepEqual(names.resolve(near, 'same', 4), ['10.1.0.3']);
  assert.equal(names.reverse(near, '10.1.0.3'), 'same.front');
});

test('turns are taken by family, each name for itself', () => {
  const names = zone();
  for (const last of [2, 3]) {
    const more = { ...named(['all']), ipv6Address: `fd00::${last}` };
    names.add(endpoint('f', `c${last}`, `10.1.0.${last}`, more));
  }
  const near = asker(names, 'f', '10.1.0.99');
  const first = (version: 4 | 6): string => names.resolve(near, 'all', version)?.[0] ?? '';
  assert.deepEqual(
    [first(4), first(6), first(4), first(6), first(4)],
    ['10.1.0.2', 'fd00::2', '10.1.0.3', 'fd00::3', '10.1.0.2'],
  );
});
