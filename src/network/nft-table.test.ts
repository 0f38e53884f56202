import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isEngineError } from '../errors/engine-error.ts';
import type { Endpoint, PublishedPort } from './network-types.ts';
import { addBridge, addElements, addRedirect, deleteElements, tableScript } from './nft-table.ts';

const port = (hostIp: string, more: Partial<PublishedPort> = {}): PublishedPort => ({
  containerPort: 80,
  protocol: 'tcp',
  hostIp,
  hostPort: 8080,
  ...more,
});
const endpoint = (...ports: PublishedPort[]): Endpoint => ({
  containerId: 'c',
  endpointId: 'e',
  networkId: 'n',
  ipAddress: '172.17.0.2',
  prefixLength: 16,
  gateway: '172.17.0.1',
  ipv6Address: 'fd00::2',
  macAddress: '',
  hostInterface: '',
  ports,
});
const rules = {
  bridge: 'gantry0',
  subnets: ['172.17.0.0/16', 'fd00::/64'],
  icc: true,
  ipMasq: true,
  internal: false,
};
const content = (more: Partial<typeof rules> = {}, table = 'gantry') => ({
  table,
  bridges: [{ ...rules, ...more }],
  redirects: [],
  endpoints: [],
});

test('one element per published port, in the map of its family and address', () => {
  const all = endpoint(port('0.0.0.0'), port('::', { protocol: 'udp' }), port('127.0.0.1'), port('fd99::1'));
  assert.equal(
    addElements('gantry', [all]),
    [
      'add element inet gantry any4 { tcp . 8080 : 172.17.0.2 . 80 }',
      'add element inet gantry any6 { udp . 8080 : fd00::2 . 80 }',
      'add element inet gantry exact4 { 127.0.0.1 . tcp . 8080 : 172.17.0.2 . 80 }',
      'add element inet gantry exact6 { fd99::1 . tcp . 8080 : fd00::2 . 80 }',
      '',
    ].join('\n'),
  );
});

test('who may reach a container’s ports stands before the ports', () => {
  const limited = { ...endpoint(port('0.0.0.0')), publishFrom: ['10.0.0.0/8', '192.0.2.7/32'] };
  assert.equal(
    addElements('gantry', [limited]),
    [
      'add element inet gantry limited4 { 172.17.0.2 }',
      'add element inet gantry sources4 { 172.17.0.2 . 10.0.0.0/8 }',
      'add element inet gantry sources4 { 172.17.0.2 . 192.0.2.7/32 }',
      'add element inet gantry limited6 { fd00::2 }',
      'add element inet gantry any4 { tcp . 8080 : 172.17.0.2 . 80 }',
      '',
    ].join('\n'),
  );
  assert.equal(addElements('gantry', [{ ...limited, ports: [] }]), '');
});

test('taking elements back works whether they are there or not', () => {
  const lines = deleteElements('gantry', [endpoint(port('0.0.0.0'))])
    .trim()
    .split('\n');
  assert.deepEqual(
    lines.map((line) => line.split(' ')[0]),
    ['add', 'delete'],
  );
});

test('names that could break out of the script are refused', () => {
  for (const table of ['a b', 'x{', '', '1a']) {
    assert.throws(
      () => tableScript(content({}, table)),
      (error: unknown) => isEngineError(error, 'invalid-argument'),
    );
  }
  for (const bridge of ['a"b', 'more-than-15-chars', '', 'a b']) {
    assert.throws(
      () => tableScript(content({ bridge })),
      (error: unknown) => isEngineError(error, 'invalid-argument'),
    );
  }
});

test('the chains are the same whatever bridges there are; what they do is in sets', () => {
  const chains = (script: string): string => script.slice(0, script.indexOf('\nadd element'));
  const two = { ...content(), bridges: [rules, { ...rules, bridge: 'br-1', icc: false }] };
  assert.equal(chains(tableScript(content())), chains(tableScript(two)));
  assert.match(tableScript(two), /within \{ "br-1" \. "br-1" : drop \}/);
});

test('a bridge’s elements follow from what it is', () => {
  assert.equal(
    addBridge('gantry', rules),
    [
      'add element inet gantry bridges { "gantry0" }',
      'add element inet gantry within { "gantry0" . "gantry0" : accept }',
      'add element inet gantry own4 { "gantry0" . 172.17.0.0/16 }',
      'add element inet gantry masquerade4 { 172.17.0.0/16 }',
      'add element inet gantry own6 { "gantry0" . fd00::/64 }',
      'add element inet gantry masquerade6 { fd00::/64 }',
      '',
    ].join('\n'),
  );
  assert.doesNotMatch(addBridge('gantry', { ...rules, ipMasq: false }), /masquerade/);
  assert.match(addBridge('gantry', { ...rules, internal: true }), /internal \{ "gantry0" \}/);
  assert.doesNotMatch(addBridge('gantry', { ...rules, internal: true }), /masquerade/);
});

test('a mode is an element of a set, and says whether the subnet keeps its own addresses', () => {
  const of = (more: object): string => addBridge('gantry', { ...rules, ...more });
  const routed = of({ modes: { ipv4: 'routed', ipv6: 'nat' }, trusted: ['eth3'] });
  assert.match(routed, /routed4 \{ "gantry0" \}/);
  assert.match(routed, /trusted \{ "eth3" \. "gantry0" \}/);
  assert.doesNotMatch(routed, /masquerade4|routed6/);
  assert.match(routed, /masquerade6/);
  assert.match(of({ modes: { ipv4: 'nat', ipv6: 'nat-unprotected' } }), /masquerade6 .*\n.* open6 /);
  const chosen = of({ hostAddresses: { ipv4: '192.0.2.9' } });
  assert.match(chosen, /source4 \{ 172\.17\.0\.0\/16 : 192\.0\.2\.9 \}/);
  assert.doesNotMatch(chosen, /masquerade4/);
});

test('a routed port is open at the container’s own address; one of a trusting network there too', () => {
  const routed = endpoint(port('0.0.0.0', { hostPort: 0 }), port('::'));
  assert.equal(
    addElements('gantry', [routed]),
    'add element inet gantry any6 { tcp . 8080 : fd00::2 . 80 }\nadd element inet gantry direct4 { 172.17.0.2 . tcp . 80 }\n',
  );
  assert.equal(
    addElements('gantry', [{ ...endpoint(port('127.0.0.1')), reachedDirectly: true }]),
    'add element inet gantry exact4 { 127.0.0.1 . tcp . 8080 : 172.17.0.2 . 80 }\nadd element inet gantry direct4 { 172.17.0.2 . tcp . 80 }\n',
  );
});

test('a name service that is not on port 53 is redirected to', () => {
  assert.equal(
    addRedirect('gantry', { address: '172.18.0.1', protocol: 'udp', port: 40_000 }),
    'add element inet gantry exact4 { 172.18.0.1 . udp . 53 : 172.18.0.1 . 40000 }\n',
  );
});
