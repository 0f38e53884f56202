/** What any way of writing the firewall's rules must do: who reaches whom, on a real kernel, TCP and UDP, IPv4 and IPv6. Run by one test file per way. */
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Bridge, Endpoint, PortRequest } from '../../src/network/network-types.ts';
import { type LabOptions, lanHost, lanHost6, NetworkLab } from './network-lab.ts';
import { until } from './until.ts';

export interface FirewallUnderTest {
  name: string;
  options: LabOptions;
  /** Empties the chain of a lab's table that guards the host's loopback. */
  emptyGuard: (table: string) => void;
  /** Takes away all that it wrote, as a reload of the host's firewall does. */
  flush: (table: string) => void;
  /** All its rules, of a lab's table. */
  rules: (table: string) => string;
}

const gateway = '10.213.77.1';
const lan = '198.18.77.2';
const lan6 = 'fd99:77::2';
const sctpProbe = join(import.meta.dirname, 'sctp-probe.py');

export function publish(hostPort: number, containerPort = 80, more: Partial<PortRequest> = {}): PortRequest {
  return {
    containerPort,
    protocol: 'tcp',
    hostIp: '',
    hostPortFirst: hostPort,
    hostPortLast: hostPort,
    ...more,
  };
}

type Query = Parameters<NetworkLab['ask']>[0];
const udp = { protocol: 'udp' as const };

/** The tests; each says the backend's name. */
export function firewallContract({ name, options, emptyGuard, flush, rules }: FirewallUnderTest): void {
  let lab: NetworkLab;
  let web: Endpoint;
  const networks = new Map<string, Bridge>();
  const bridge = (of: string): Bridge => networks.get(of) ?? assert.fail(`no network ${of}`);
  const addressOf = (network: string, of: string): string => bridge(network).endpoint(of)?.ipAddress ?? '';
  const check = (what: string, work: () => Promise<void>): void => {
    test(`${name}: ${what}`, work);
  };

  before(async () => {
    lab = await NetworkLab.open({ ipv6: true }, { watchMs: 600_000, ...options });
    await lab.addLan();
    web = await lab.container('web', [
      publish(18080),
      publish(18053, 53, udp),
      publish(18081, 80, { hostIp: '127.0.0.1' }),
      publish(18082, 80, { hostIp: lanHost }),
      publish(18083, 80, { hostIp: lanHost6 }),
      publish(18132, 2905, { protocol: 'sctp' }),
    ]);
    await lab.container('other');
    await lab.container('picky', [publish(18085), publish(18086, 53, udp)], {
      publishFrom: ['198.18.77.0/24', 'fd99:77::2/128', '127.0.0.1/32'],
    });
    networks.set('back', await lab.createNetwork('back', { enableIpv6: true }));
    networks.set('vault', await lab.createNetwork('vault', { internal: true, enableIpv6: true }));
    const apart = { 'com.docker.network.bridge.enable_icc': 'false' };
    networks.set('apart', await lab.createNetwork('apart', { options: apart }));
    await lab.join(bridge('back'), 'far', { ports: [publish(18090)] });
    await lab.join(bridge('vault'), 'safe');
    await lab.join(bridge('vault'), 'safe2');
    await lab.join(bridge('apart'), 'one', { ports: [publish(18091)] });
    await lab.join(bridge('apart'), 'two');
    for (const server of ['web', 'picky', 'far', 'safe', 'one', 'lan'])
      await lab.serve(server, 'tcp:80', 'tcp:99', 'udp:53');
  });
  after(() => lab.close());

  /** From where to what; what the server sees as its peer, or why it was not reached. */
  const cases: Array<[what: string, query: Query, answer: string | RegExp | (() => string)]> = [
    ['the host reaches a container directly', { host: '10.213.77.2', port: 99 }, gateway],
    ['the host by its localhost', { host: '127.0.0.1', port: 18080 }, gateway],
    ['the host by its localhost, UDP', { host: '127.0.0.1', port: 18053, ...udp }, gateway],
    ['the host by its own address', { host: lanHost, port: 18080 }, lanHost],
    ['the host by its own address, UDP', { host: lanHost, port: 18053, ...udp }, lanHost],
    ['the host by a port bound to 127.0.0.1', { host: '127.0.0.1', port: 18081 }, gateway],
    ['a port bound to 127.0.0.1 is not on other addresses', { host: lanHost, port: 18081 }, 'ECONNREFUSED'],
    ['the host by a port bound to one address', { host: lanHost, port: 18082 }, lanHost],
    ['a port bound to one address is not on localhost', { host: '127.0.0.1', port: 18082 }, 'ECONNREFUSED'],
    ['another machine, with its own address kept', { from: 'lan', host: lanHost, port: 18080 }, lan],
    ['another machine, UDP', { from: 'lan', host: lanHost, port: 18053, ...udp }, lan],
    ['another machine by a port bound to one address', { from: 'lan', host: lanHost, port: 18082 }, lan],
    [
      'another machine not by a port bound to 127.0.0.1',
      { from: 'lan', host: lanHost, port: 18081 },
      'ECONNREFUSED',
    ],
    [
      'another machine not by a container’s address',
      { from: 'lan', host: '10.213.77.2', port: 80 },
      'timeout',
    ],
    ['another machine not by an unpublished port', { from: 'lan', host: '10.213.77.2', port: 99 }, 'timeout'],
    ['another container directly', { from: 'other', host: '10.213.77.2', port: 99 }, '10.213.77.3'],
    ['another container by the bridge’s address', { from: 'other', host: gateway, port: 18080 }, gateway],
    ['another container by the host’s address', { from: 'other', host: lanHost, port: 18080 }, gateway],
    ['the container itself by the bridge’s address', { from: 'web', host: gateway, port: 18080 }, gateway],
    ['the container itself by the host’s address', { from: 'web', host: lanHost, port: 18080 }, gateway],
    ['the container itself, UDP', { from: 'web', host: lanHost, port: 18053, ...udp }, gateway],
    ['a container reaches out with the host’s address', { from: 'other', host: lan, port: 80 }, lanHost],
    ['IPv6: the host by ::1', { host: '::1', port: 18080 }, () => web.ipv6Gateway ?? ''],
    ['IPv6: the host by ::1, UDP', { host: '::1', port: 18053, ...udp }, () => web.ipv6Gateway ?? ''],
    ['IPv6: the host by its own address', { host: lanHost6, port: 18080 }, lanHost6],
    ['IPv6: the host by a port bound to one address', { host: lanHost6, port: 18083 }, lanHost6],
    ['IPv6: a port bound to one address is not on ::1', { host: '::1', port: 18083 }, 'ECONNREFUSED'],
    ['IPv6: another machine', { from: 'lan', host: lanHost6, port: 18080 }, lan6],
    [
      'IPv6: another machine by a port bound to one address',
      { from: 'lan', host: lanHost6, port: 18083 },
      lan6,
    ],
    ['IPv6: another machine, UDP', { from: 'lan', host: lanHost6, port: 18053, ...udp }, lan6],
    ['IPv6: the container itself', { from: 'web', host: lanHost6, port: 18080 }, () => web.ipv6Gateway ?? ''],
    ['IPv6: another container', { from: 'other', host: lanHost6, port: 18080 }, () => web.ipv6Gateway ?? ''],
    ['IPv6: a container reaches out', { from: 'other', host: lan6, port: 80 }, lanHost6],
    // A container that is on both networks would answer past the host: so the client has the bridge's address.
    [
      'a container of another network by the host’s address',
      { from: 'far', host: lanHost, port: 18080 },
      gateway,
    ],
    [
      'a container of another network by the other bridge’s address, UDP',
      { from: 'far', host: gateway, port: 18053, ...udp },
      gateway,
    ],
    [
      'IPv6: a container of another network by the host’s address',
      { from: 'far', host: lanHost6, port: 18080 },
      () => web.ipv6Gateway ?? '',
    ],
    ['not from another network directly', { from: 'far', host: '10.213.77.2', port: 80 }, 'timeout'],
    [
      'not from another network directly, UDP',
      { from: 'far', host: '10.213.77.2', port: 53, ...udp },
      'timeout',
    ],
    ['a source that may', { from: 'lan', host: lanHost, port: 18085 }, lan],
    ['a source that may, UDP', { from: 'lan', host: lanHost, port: 18086, ...udp }, lan],
    ['IPv6: a source that may', { from: 'lan', host: lanHost6, port: 18085 }, lan6],
    ['the host’s localhost where it may', { host: '127.0.0.1', port: 18085 }, gateway],
    ['a container that may not', { from: 'other', host: lanHost, port: 18085 }, 'timeout'],
    ['a container of another network that may not', { from: 'far', host: lanHost, port: 18085 }, 'timeout'],
    ['a container that may not, UDP', { from: 'other', host: lanHost, port: 18086, ...udp }, 'timeout'],
    ['IPv6: a container that may not', { from: 'far', host: lanHost6, port: 18085 }, 'timeout'],
    ['IPv6: the host’s localhost where it may not', { host: '::1', port: 18085 }, /closed|ECONNRESET/],
    ['IPv6: the host’s localhost where it may not, UDP', { host: '::1', port: 18086, ...udp }, 'timeout'],
    ['IPv6: the host’s own address where it may not', { host: lanHost6, port: 18085 }, 'timeout'],
  ];
  for (const [what, query, answer] of cases) {
    check(what, async () => {
      const found = await lab.ask(query);
      if (answer instanceof RegExp) assert.match(found, answer);
      else assert.equal(found, typeof answer === 'string' ? answer : answer());
    });
  }

  check('IPv6: neither another machine nor another network reaches a container’s address', async () => {
    for (const from of ['lan', 'far'])
      assert.equal(await lab.ask({ from, host: web.ipv6Address ?? '', port: 99 }), 'timeout');
  });

  check(
    'a container whose sources are limited asks others, and its unpublished ports are as ever',
    async () => {
      const picky = lab.bridge.endpoint('picky')?.ipAddress ?? '';
      assert.equal(await lab.ask({ from: 'other', host: picky, port: 80 }), '10.213.77.3');
      assert.equal(await lab.ask({ from: 'picky', host: lanHost, port: 18080 }), gateway);
      assert.equal(await lab.ask({ from: 'picky', host: lan, port: 80 }), lanHost);
    },
  );

  check('of an internal network nothing gets out, and nothing in', async () => {
    const inside = (family: string, via: string) =>
      execFileSync('ip', ['-n', lab.namespace('safe'), family, 'route', 'replace', 'default', 'via', via]);
    // With routes that it made itself, not even to a published port.
    for (const via of bridge('vault').gateways) inside(via.includes(':') ? '-6' : '-4', via);
    for (const [host, port] of [
      [lan, 80],
      [lan6, 80],
      [lanHost, 18080],
      ['10.213.77.2', 80],
    ] as const)
      assert.equal(await lab.ask({ from: 'safe', host, port }), 'timeout', host);
    for (const from of ['lan', 'far', 'other'])
      assert.match(
        await lab.ask({ from, host: addressOf('vault', 'safe'), port: 80 }),
        /timeout|ENETUNREACH/,
      );
    const within = await lab.ask({ from: 'safe2', host: addressOf('vault', 'safe'), port: 80 });
    assert.equal(within, addressOf('vault', 'safe2'));
  });

  check('with icc off containers of a network are apart, but not from published ports', async () => {
    assert.equal(await lab.ask({ from: 'two', host: addressOf('apart', 'one'), port: 80 }), 'timeout');
    assert.equal(await lab.ask({ from: 'two', host: lanHost, port: 18091 }), bridge('apart').gateways[0]);
    assert.equal(await lab.ask({ from: 'two', host: lan, port: 80 }), lanHost);
  });

  check('SCTP from another machine arrives, with its own address kept', async () => {
    const inside = ['netns', 'exec', lab.namespace('web'), 'python3', sctpProbe, 'listen', '2905'];
    const listener = execFile('ip', inside);
    const ended = once(listener, 'exit');
    let printed = '';
    listener.stdout?.on('data', (data) => {
      printed += String(data);
    });
    await until(() => printed.includes('ready'));
    execFileSync('ip', [
      'netns',
      'exec',
      lab.namespace('lan'),
      'python3',
      sctpProbe,
      'send',
      lanHost,
      '18132',
    ]);
    await ended;
    assert.equal(printed, `ready\n${lan}\n`);
  });

  check('a container does not reach what listens on the host’s loopback alone', async () => {
    const server = createServer((socket) => socket.end('secret')).listen(18099, '127.0.0.1');
    await once(server, 'listening');
    const inside = (command: string) =>
      execFileSync('ip', ['netns', 'exec', lab.namespace('other'), 'sh', '-c', command]);
    inside(
      `echo 1 > /proc/sys/net/ipv4/conf/all/route_localnet; ip addr del 127.0.0.1/8 dev lo; ip route add 127.0.0.1 via ${gateway}`,
    );
    const attempt = { from: 'other', host: '127.0.0.1', port: 18099 };
    assert.equal(await lab.ask(attempt), 'timeout');
    // The guard is what stops it, not the test's own mistake.
    emptyGuard(lab.table);
    assert.equal(await lab.ask(attempt), 'secret');
    // Only a part of the rules is gone: that is seen too.
    await lab.networks.mendFirewall();
    assert.equal(await lab.ask(attempt), 'timeout');
    server.close();
  });

  check(
    'rules that somebody flushed are back by themselves within a second or so, others’ as they were',
    async () => {
      const kept = await lab.container('kept', [publish(18087)]);
      await lab.serve('kept', 'tcp:80');
      const live = [...lab.networks.list()]
        .flatMap((one) => one.endpoints())
        .map(({ containerId }) => containerId);
      await lab.restart({ ipv6: true }, live, { watchMs: 1000 });
      const whole = rules(lab.table);
      flush(lab.table);
      assert.notEqual(rules(lab.table), whole);
      const started = performance.now();
      await until(() => rules(lab.table) === whole, 4000);
      const took = performance.now() - started;
      assert.ok(took < 3000, `it took ${took.toFixed(0)} ms`);
      assert.equal(await lab.ask({ from: 'lan', host: lanHost, port: 18087 }), lan);
      assert.match(lab.warnings.join('\n'), /the firewall was reloaded without the rules of containers/);
      await lab.bridge.disconnect(kept.containerId);
      assert.equal(await lab.ask({ from: 'lan', host: lanHost, port: 18087 }), 'ECONNREFUSED');
    },
  );

  check('what was published and is no more leaves no rule', async () => {
    const before = rules(lab.table);
    const sources = { publishFrom: ['192.0.2.0/24', 'fd99::/16'] };
    await lab.container('brief', [publish(18088), publish(18089, 53, udp)], sources);
    assert.notEqual(rules(lab.table), before);
    await lab.bridge.disconnect('brief');
    assert.equal(rules(lab.table), before);
    const passing = await lab.createNetwork('passing', { enableIpv6: true, internal: true });
    assert.notEqual(rules(lab.table), before);
    await lab.networks.remove(passing.description.id);
    assert.equal(rules(lab.table), before);
  });
}
