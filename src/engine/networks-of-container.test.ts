import assert from 'node:assert/strict';
import { test } from 'node:test';
import { containerRecord } from '../../test/support/spec-input.ts';
import type { Bridge } from '../network/network-types.ts';
import { AbsentBridge } from './absent-bridge.ts';
import type { EndpointConfig } from './model.ts';
import { dnsNames } from './networks-naming.ts';
import {
  completeEndpoints,
  findBridge,
  networksOf,
  plainEndpoint,
  withRoutes,
} from './networks-of-container.ts';
import { validateEndpoint } from './networks-validate.ts';

class NamedBridge extends AbsentBridge {
  override readonly description: Bridge['description'];
  override readonly servesNames: boolean;
  override readonly leadsOut: boolean;

  constructor(name: string, more: Partial<Bridge['description']> = {}) {
    super();
    this.servesNames = name !== 'bridge';
    this.leadsOut = more.internal !== true;
    this.description = { ...new AbsentBridge().description, id: `${name}-id`.padEnd(64, '0'), name, ...more };
  }
}

const bridges = [new NamedBridge('bridge'), new NamedBridge('app'), new NamedBridge('apple')];
const engine = { networks: { list: () => bridges } } as never;
const record = (
  networkMode: string,
  endpointConfigs: Record<string, EndpointConfig> = {},
  offNetworks = false,
) => ({
  hostConfig: { ...containerRecord(['true']).hostConfig, networkMode },
  endpointConfigs,
  offNetworks,
});

test('a container is on the networks that it was told, else on that of its mode', () => {
  const names = (...args: Parameters<typeof record>): string[] => Object.keys(networksOf(record(...args)));
  assert.deepEqual(names('default'), ['bridge']);
  assert.deepEqual(names('app'), ['app']);
  assert.deepEqual(names('default', { default: plainEndpoint }), ['bridge']);
  assert.deepEqual(names('app', { app: plainEndpoint, more: plainEndpoint }), ['app', 'more']);
  assert.deepEqual(names('host', { app: plainEndpoint }), ['host']);
  assert.deepEqual(names('container:x', { app: plainEndpoint }), []);
  assert.deepEqual(names('app', {}, true), []);
});

test('names come before IDs, and a beginning of an ID must fit one only', () => {
  assert.equal(findBridge(engine, 'app')?.description.name, 'app');
  assert.equal(findBridge(engine, 'apple-')?.description.name, 'apple');
  assert.throws(
    () => findBridge(engine, 'ap'),
    /network ap is ambiguous \(2 matches found based on ID prefix\)/,
  );
  assert.equal(findBridge(engine, 'nosuch'), undefined);
  assert.deepEqual(
    Object.keys(
      completeEndpoints(engine, { default: plainEndpoint, 'app-id': plainEndpoint, gone: plainEndpoint }),
    ),
    ['bridge', 'app', 'gone'],
  );
});

test('default routes go by the highest priority, then the first name; never by an internal network', () => {
  const place = (name: string, gatewayPriority = 0, more: Partial<Bridge['description']> = {}) => ({
    bridge: new NamedBridge(name, more),
    config: { ...plainEndpoint, gatewayPriority },
  });
  const routes = (...places: Array<ReturnType<typeof place>>): string[] =>
    withRoutes(places).map(
      ({ bridge, defaultRoutes: { ipv4, ipv6 } }) =>
        `${bridge.description.name}${ipv4 ? '+4' : ''}${ipv6 ? '+6' : ''}`,
    );
  assert.deepEqual(routes(place('b'), place('a')), ['a+4', 'b']);
  assert.deepEqual(routes(place('b', 1), place('a')), ['b+4', 'a']);
  assert.deepEqual(
    routes(place('a', 9, { internal: true }), place('b'), place('c', 0, { enableIpv6: true })),
    ['a', 'b+4', 'c+6'],
  );
  assert.deepEqual(routes(place('a', 0, { internal: true })), ['a']);
});

test('names of a container on a network, each once', () => {
  const base = containerRecord(['true'], { config: { hostname: 'web' } });
  const named = { ...base, id: 'f'.repeat(64), name: 'web' };
  assert.deepEqual(dnsNames(named, { aliases: ['www', 'web'] }), ['web', 'www', 'f'.repeat(12)]);
});

test('what can’t be asked of a network is refused in Docker’s words', () => {
  const refused = (config: Partial<EndpointConfig>, bridge: Bridge | undefined, message: RegExp): void =>
    assert.throws(() => validateEndpoint('n', { ...plainEndpoint, ...config }, bridge), message);
  const [standard, app] = bridges;
  refused({ ipv4Address: '10.0.0.2' }, standard, /supported on user defined networks only/);
  refused({ aliases: ['a'] }, standard, /aliases are only supported for user-defined networks/);
  refused({ ipv4Address: '10.0.0.2' }, app, /networks with user configured subnets/);
  refused({ ipv4Address: 'x' }, undefined, /invalid IPv4 address: x/);
  refused({ ipv6Address: '10.0.0.2' }, undefined, /invalid IPv6 address/);
  refused({ macAddress: '02:42' }, app, /invalid MAC address/);
  const own = new NamedBridge('own', { hasUserSubnet: true });
  validateEndpoint('own', { ...plainEndpoint, ipv4Address: '10.0.0.2', aliases: ['a'] }, own);
});
