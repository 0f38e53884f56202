import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Collection } from '../util/collection.ts';
import { EndpointStore } from './endpoint-store.ts';
import type { Endpoint } from './network-types.ts';

const port = { containerPort: 80, protocol: 'tcp', hostIp: '0.0.0.0', hostPort: 8080 } as const;
const endpoint = (networkId: string, more: Partial<Endpoint> = {}): Endpoint => ({
  containerId: 'c',
  endpointId: networkId,
  networkId,
  ipAddress: '10.0.0.2',
  prefixLength: 24,
  gateway: '10.0.0.1',
  macAddress: '',
  hostInterface: '',
  ports: [],
  ...more,
});

function collection(): Collection<Endpoint> & { keys(): string[] } {
  const all = new Map<string, Endpoint>();
  return {
    get: (key) => all.get(key),
    put: (key, value) => void all.set(key, value),
    delete: (key) => all.delete(key),
    entries: () => [...all].sort(([one], [other]) => (one < other ? -1 : 1)),
    keys: () => [...all.keys()].sort(),
  };
}

test('each network has its own part, and a new daemon finds it there', () => {
  const all = collection();
  const store = new EndpointStore(all);
  store.part(undefined).put('c', endpoint('default'));
  store.part('n1').put('c', endpoint('n1'));
  store.part('n2').put('c', endpoint('n2'));
  store.part('n2').delete('c');
  const again = new EndpointStore(all);
  assert.deepEqual(again.recorded(undefined), [endpoint('default')]);
  assert.deepEqual(again.recorded('n1'), [endpoint('n1')]);
  assert.deepEqual(again.recorded('n2'), []);
});

test('endpoints on networks that are gone are forgotten, the default bridge’s never', () => {
  const all = collection();
  const store = new EndpointStore(all);
  for (const network of [undefined, 'n1', 'n2']) store.part(network).put('c', endpoint(network ?? 'default'));
  store.sweep(new Set(['default', 'n2']));
  assert.deepEqual(all.keys(), ['c', 'n2/c']);
});

test('ports that a crash left at two networks belong to one', () => {
  const all = collection();
  const store = new EndpointStore(all);
  store.part('n1').put('c', endpoint('n1', { ports: [port] }));
  store.part('n2').put('c', endpoint('n2', { ports: [port, { ...port, hostPort: 8081 }] }));
  const again = new EndpointStore(all);
  assert.deepEqual(again.recorded('n1')[0]?.ports, [port]);
  assert.deepEqual(again.recorded('n2')[0]?.ports, [{ ...port, hostPort: 8081 }]);
});
