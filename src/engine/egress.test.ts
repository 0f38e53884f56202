import assert from 'node:assert/strict';
import { test } from 'node:test';
import { containerRecord } from '../../test/support/spec-input.ts';
import type { Bridge } from '../network/network-types.ts';
import { AbsentBridge } from './absent-bridge.ts';
import { egressOf, publishRefusal, requireGuardable, validateEgress } from './egress.ts';
import { EventBus } from './events.ts';
import type { HostConfig } from './model.ts';

class GivenBridge extends AbsentBridge {
  override readonly description: Bridge['description'];
  override readonly gateways: readonly string[];

  constructor(name: string, driver = 'bridge', gateways: readonly string[] = ['10.9.0.1', 'fd09::1']) {
    super();
    this.gateways = gateways;
    this.description = { ...new AbsentBridge().description, id: `${name}-id`.padEnd(64, '0'), name, driver };
  }
}

const plain = new GivenBridge('bridge');
const wire = new GivenBridge('wire', 'macvlan');
const alone = new GivenBridge('alone', 'bridge', []);
const engineWith = (firewallBackend?: string) =>
  ({
    bridge: plain,
    config: { bridge: 'gantry0', dns: ['192.0.2.53'] },
    networks: { list: () => [plain, wire, alone], firewallBackend },
  }) as never;
const engine = engineWith('nftables');
const guarded = (change: Partial<HostConfig> = {}, egress = 'allow=db.lan:5432') =>
  containerRecord(['true'], { host: { annotations: { 'gantry.egress': egress }, ...change } });

test('a container without rules is asked nothing, wherever it is', () => {
  const free = containerRecord(['true'], { host: { networkMode: 'host', privileged: true } });
  assert.deepEqual(validateEgress(engineWith('iptables'), free), []);
  requireGuardable(engine, free, wire);
  assert.equal(egressOf(engine, free, wire), undefined);
});

test('what nothing would hold to its rules is refused, and how to mend it is said', () => {
  const hint = (networkMode: string) => () => validateEgress(engine, guarded({ networkMode }));
  for (const [mode, why] of [
    ['host', /in the host's own network/],
    ['none', /without a network/],
    ['container:x', /in another container's network/],
    ['wire', /on the network wire: its containers send by macvlan/],
    ['alone', /on the network alone: the host has no address on it/],
  ] as const)
    assert.throws(hint(mode), { code: 'invalid-argument', message: why, hint: /leave out --egress/ }, mode);
  const disabled = { ...guarded(), config: { ...guarded().config, networkDisabled: true } };
  assert.throws(() => validateEgress(engine, disabled), /without a network/);
  const old = engineWith('iptables');
  for (const refused of [
    () => validateEgress(old, guarded()),
    () => egressOf(old, guarded(), plain),
    () => requireGuardable(old, guarded(), plain),
  ])
    assert.throws(refused, {
      code: 'failed-precondition',
      message: /need nftables/,
      hint: /firewall-backend/,
    });
});

test('rules that can’t be read, and annotations of no meaning, are refused', () => {
  assert.throws(() => validateEgress(engine, guarded({}, 'db:1')), { code: 'invalid-argument' });
  assert.throws(() => validateEgress(engine, guarded({}, '')), { code: 'invalid-argument' });
  for (const key of ['gantry.egres', 'Gantry.Egress', 'gantry.'])
    assert.throws(
      () => validateEgress(engine, guarded({ annotations: { [key]: 'none' } })),
      /unknown annotation/,
    );
});

test('containers that may do much are warned of', () => {
  const warnings = (change: Partial<HostConfig>) => validateEgress(engine, guarded(change)).join('\n');
  assert.equal(warnings({}), '');
  assert.equal(warnings({ capAdd: ['SYS_TIME'] }), '');
  assert.match(warnings({ privileged: true }), /privileged/);
  assert.match(warnings({ capAdd: ['cap_net_raw', 'ALL', 'CHOWN'] }), /With NET_RAW, ALL the/);
});

test('networks are told of names of --add-host in lower case, and of the name servers that are reached from the host', () => {
  const extraHosts = ['DB.lan:192.0.2.7', 'db.lan=2001:db8::7', 'me:host-gateway'];
  assert.deepEqual(egressOf(engine, guarded({ extraHosts, dns: ['127.0.0.1', '192.0.2.9'] }), plain), {
    allow: 'allow=db.lan:5432',
    hosts: { 'db.lan': ['192.0.2.7', '2001:db8::7'], me: ['10.9.0.1', 'fd09::1'] },
    servers: ['192.0.2.9'],
  });
  assert.deepEqual(egressOf(engine, guarded(), plain)?.servers, ['192.0.2.53']);
});

test('a refusal is an event of the container, whose own name stays its name; of a container that is gone there is none', async () => {
  const events = new EventBus();
  const record = guarded();
  const containers = { find: (id: string) => (id === record.id ? { record } : undefined) } as never;
  const seen = events.subscribe({}, AbortSignal.timeout(50));
  const packet = { networkId: 'n', destination: '192.0.2.7', port: 81, protocol: 'tcp', name: 'db.lan' };
  publishRefusal({ containers, events }, { ...packet, containerId: 'gone' });
  publishRefusal({ containers, events }, { ...packet, containerId: record.id });
  const question = { networkId: 'n', destination: '', port: undefined, protocol: 'dns', name: 'x.example' };
  publishRefusal({ containers, events }, { ...question, containerId: record.id });
  const told = [];
  for await (const { type, action, actorId, attributes } of seen) {
    const { image, ...rest } = attributes;
    told.push([type, action, actorId, rest]);
  }
  const event = (attributes: object) => [
    'container',
    'egress-refused',
    record.id,
    { ...record.config.labels, name: record.name, ...attributes },
  ];
  assert.deepEqual(told, [
    event({ protocol: 'tcp', destination: '192.0.2.7', port: '81', host: 'db.lan' }),
    event({ protocol: 'dns', host: 'x.example' }),
  ]);
});
