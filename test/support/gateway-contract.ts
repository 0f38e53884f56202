/** How bridge networks lead out and in by their options (gateway modes, trusted interfaces, source addresses, one family only), on a real kernel. Run by one test file per firewall. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Bridge, Endpoint, NetworkRequest } from '../../src/network/network-types.ts';
import { type FirewallUnderTest, publish } from './firewall-contract.ts';
import { lanHost, lanHost6, NetworkLab } from './network-lab.ts';

const lan = '198.18.77.2';
const lan6 = 'fd99:77::2';
/** A second address of the host on that network. */
const chosen = '198.18.77.9';
const chosen6 = 'fd99:77::9';
const echoProbe = join(import.meta.dirname, 'echo-probe.py');
const udp = { protocol: 'udp' as const };
const option = 'com.docker.network.';
const dual = { enableIpv6: true };

const modes = (ipv4: string, ipv6 = ipv4): Pick<NetworkRequest, 'options'> => ({
  options: { [`${option}bridge.gateway_mode_ipv4`]: ipv4, [`${option}bridge.gateway_mode_ipv6`]: ipv6 },
});
const bare = (address: string | undefined): string => address ?? assert.fail('there is no such address');

/** The tests; each says the backend's name. */
export function gatewayContract({ name, options, rules }: FirewallUnderTest): void {
  let lab: NetworkLab;
  const networks = new Map<string, Bridge>();
  const ends = new Map<string, Endpoint>();
  const of = (who: string): Endpoint => ends.get(who) ?? assert.fail(`no container ${who}`);
  const at4 = (who: string): string => bare(of(who).ipAddress);
  const at6 = (who: string): string => bare(of(who).ipv6Address);
  const bridge = (what: string): Bridge => networks.get(what) ?? assert.fail(`no network ${what}`);
  const check = (what: string, work: () => Promise<void>): void => {
    test(`${name}: ${what}`, work);
  };
  const asked = (from: string | undefined, host: string, port: number, more: object = {}): Promise<string> =>
    lab.ask({ ...(from === undefined ? {} : { from }), host, port, ...more });
  const pings = (from: string, to: string): boolean => {
    const inside = ['netns', 'exec', lab.namespace(from), 'python3', echoProbe, to];
    return spawnSync('ip', inside).status === 0;
  };
  const network = async (what: string, request: Partial<NetworkRequest>): Promise<Bridge> => {
    const made = await lab.createNetwork(what, request);
    networks.set(what, made);
    return made;
  };
  const enter = async (
    who: string,
    on: Bridge,
    more: Parameters<NetworkLab['join']>[2] = {},
  ): Promise<void> => {
    ends.set(who, await lab.join(on, who, more));
  };

  before(async () => {
    lab = await NetworkLab.open({ ipv6: true }, { watchMs: 600_000, ...options });
    await lab.addLan();
    const wire = `gtl${lab.tag}`;
    execFileSync('ip', ['addr', 'add', `${chosen}/24`, 'dev', wire]);
    // Deprecated: else the kernel would choose it by itself.
    execFileSync('ip', ['addr', 'add', `${chosen6}/64`, 'dev', wire, 'nodad', 'preferred_lft', '0']);
    await enter('far', await network('far', dual));
    const routed = await network('routed', { ...dual, ...modes('routed') });
    await enter('plain', routed, { ports: [publish(18400), publish(18400, 53, udp)] });
    const publishFrom = [`${lan}/32`];
    await enter('picky', routed, { ports: [publish(0), publish(0, 53, udp)], publishFrom });
    await enter('half', await network('half', { ...dual, ...modes('nat', 'routed') }), {
      ports: [publish(18401)],
    });
    await enter('bare', await network('open', { ...dual, ...modes('nat-unprotected') }), {
      ports: [publish(18402)],
    });
    const trust = { options: { [`${option}bridge.trusted_host_interfaces`]: `no-such0:${wire}` } };
    await enter('known', await network('trusting', { ...dual, ...trust }), {
      ports: [publish(18403, 80, { hostIp: '127.0.0.1' }), publish(18403, 80, { hostIp: '::1' })],
    });
    const sources = { [`${option}host_ipv4`]: chosen, [`${option}host_ipv6`]: chosen6 };
    await enter('posing', await network('posing', { ...dual, options: sources }));
    const six = await network('six', { ...dual, enableIpv4: false });
    await enter('six', six, { ports: [publish(18404), publish(18404, 53, udp)] });
    await enter('six2', six);
    // Of its own choice: no route of the host's tells others who test here that a subnet is taken.
    const pools = [{ subnet: '10.213.78.0/24' }, { subnet: 'fd99:78::/64' }];
    const ipam = { options: null, pools };
    const cell = await network('cell', { ...dual, ...modes('isolated'), internal: true, ipam });
    await enter('cell', cell);
    await enter('cell2', cell);
    await enter('vault', await network('vault', { ...dual, internal: true }));
    for (const server of ['plain', 'picky', 'half', 'bare', 'known', 'six', 'cell', 'lan'])
      await lab.serve(server, 'tcp:80', 'tcp:99', 'udp:53');
  });
  after(() => lab.close());

  check('a routed network is entered by its published ports at the container’s own address', async () => {
    assert.equal(await asked('lan', at4('plain'), 80), lan);
    assert.equal(await asked('lan', at6('plain'), 80), lan6);
    assert.equal(await asked('lan', at4('plain'), 53, udp), lan);
    assert.equal(await asked('lan', at6('plain'), 53, udp), lan6);
    assert.equal(await asked('lan', at4('plain'), 99), 'timeout');
    assert.equal(await asked('lan', at6('plain'), 99), 'timeout');
    assert.deepEqual([pings('lan', at4('plain')), pings('lan', at6('plain'))], [true, true]);
    // No port of the host's is taken for it.
    assert.equal(await asked('lan', lanHost, 18400), 'ECONNREFUSED');
    assert.deepEqual(
      of('plain').ports.map(({ hostIp, hostPort }) => `${hostIp} ${hostPort}`),
      ['0.0.0.0 0', ':: 0', '0.0.0.0 0', ':: 0'],
    );
  });

  check('containers of other networks do the same, and the host reaches all ports', async () => {
    const [gateway, gateway6] = bridge('routed').gateways;
    assert.equal(await asked('far', at4('plain'), 80), gateway);
    assert.equal(await asked('far', at6('plain'), 80), gateway6);
    assert.equal(await asked('far', at4('plain'), 99), 'timeout');
    assert.equal(await asked('six', at6('plain'), 80), gateway6);
    assert.equal(await asked(undefined, at4('plain'), 99), gateway);
    assert.equal(await asked('picky', at4('plain'), 99), at4('picky'));
  });

  check('what leaves a routed network keeps its address', async () => {
    assert.equal(await asked('plain', lan, 80), at4('plain'));
    assert.equal(await asked('plain', lan6, 80), at6('plain'));
  });

  check('sources are limited at the container’s own address too', async () => {
    assert.equal(await asked('lan', at4('picky'), 80), lan);
    assert.equal(await asked('lan', at4('picky'), 53, udp), lan);
    assert.equal(await asked('lan', at6('picky'), 80), 'timeout');
    assert.equal(await asked('far', at4('picky'), 80), 'timeout');
    assert.equal(await asked('far', at4('picky'), 53, udp), 'timeout');
  });

  check('each family has a mode of its own', async () => {
    assert.equal(await asked('lan', at6('half'), 80), lan6);
    assert.equal(await asked('lan', at4('half'), 80), 'timeout');
    assert.equal(await asked('lan', lanHost, 18401), lan);
    assert.equal(await asked('lan', lanHost6, 18401), 'ECONNREFUSED');
    assert.equal(await asked('half', lan, 80), lanHost);
    assert.equal(await asked('half', lan6, 80), at6('half'));
    assert.deepEqual([pings('lan', at4('half')), pings('lan', at6('half'))], [false, true]);
  });

  check('nat-unprotected opens all ports to the outside, but not to other networks', async () => {
    assert.equal(await asked('lan', at4('bare'), 99), lan);
    assert.equal(await asked('lan', at6('bare'), 99), lan6);
    assert.equal(await asked('lan', lanHost, 18402), lan);
    assert.equal(await asked('far', at4('bare'), 99), 'timeout');
    assert.equal(await asked('far', at6('bare'), 80), 'timeout');
    assert.equal(await asked('bare', lan, 80), lanHost);
  });

  check('a trusted interface reaches published ports at the container’s own address', async () => {
    assert.equal(await asked('lan', at4('known'), 80), lan);
    assert.equal(await asked('lan', at6('known'), 80), lan6);
    assert.equal(await asked('lan', at4('known'), 99), 'timeout');
    assert.equal(await asked('far', at4('known'), 80), 'timeout');
    assert.equal(await asked('lan', lanHost, 18403), 'ECONNREFUSED');
    assert.equal(await asked(undefined, '127.0.0.1', 18403), bridge('trusting').gateways[0]);
    assert.equal(await asked('known', lan, 80), lanHost);
  });

  check('packets leave with the address that was chosen', async () => {
    assert.equal(await asked('posing', lan, 80), chosen);
    assert.equal(await asked('posing', lan6, 80), chosen6);
  });

  check('a network without IPv4 does all by IPv6', async () => {
    const { ipAddress, gateway, prefixLength, ports } = of('six');
    assert.deepEqual([ipAddress, gateway, prefixLength], ['', '', 0]);
    assert.deepEqual(
      ports.map(({ hostIp }) => hostIp),
      ['::', '::'],
    );
    const addresses = execFileSync('ip', [
      '-n',
      lab.namespace('six'),
      '-4',
      'addr',
      'show',
      'eth0',
    ]).toString();
    assert.equal(addresses, '');
    assert.equal(await asked('lan', lanHost6, 18404), lan6);
    assert.equal(await asked('lan', lanHost6, 18404, udp), lan6);
    assert.equal(await asked('lan', lanHost, 18404), 'ECONNREFUSED');
    assert.equal(await asked(undefined, '::1', 18404), bridge('six').gateways[0]);
    assert.equal(await asked('six2', at6('six'), 99), at6('six2'));
    assert.equal(await asked('lan', at6('six'), 80), 'timeout');
    assert.equal(await asked('far', at6('six'), 80), 'timeout');
    assert.equal(await asked('six2', lan6, 80), lanHost6);
    const [gateway6 = ''] = bridge('six').gateways;
    const found = await lab.resolve('six2', gateway6, 'six', 'AAAA');
    assert.deepEqual([found.code, found.data], [0, [at6('six')]]);
    const none = await lab.resolve('six2', gateway6, 'six', 'A');
    assert.deepEqual([none.code, none.data], [0, []]);
  });

  check(
    'the host is nobody on an isolated network: it has no address there, and gets nothing from it',
    async () => {
      const { interfaceName, gateways } = bridge('cell');
      assert.deepEqual(gateways, []);
      assert.doesNotMatch(execFileSync('ip', ['addr', 'show', interfaceName]).toString(), /inet/);
      assert.equal(await asked('cell2', at4('cell'), 80), at4('cell2'));
      assert.equal(await asked('cell2', at6('cell'), 80), at6('cell2'));
      const heard: string[] = [];
      const socket = createSocket('udp4', (data) => heard.push(String(data)));
      socket.on('message', (_data, { address }) => heard.push(address));
      socket.bind(18499, lanHost);
      await once(socket, 'listening');
      // An address of the host's is found on any of its interfaces by whoever sets a route to it.
      for (const from of ['cell', 'vault']) {
        execFileSync('ip', ['-n', lab.namespace(from), 'route', 'add', `${lanHost}/32`, 'dev', 'eth0']);
        assert.equal(await asked(from, lanHost, 18499, udp), 'timeout');
      }
      socket.close();
      assert.ok(heard.includes(at4('vault')), 'an ordinary internal network reaches its host');
      assert.ok(!heard.includes(at4('cell')));
    },
  );

  check('they are the same after a restart, and leave no rule', async () => {
    const whole = rules(lab.table);
    await lab.restart({ ipv6: true }, [...ends.keys()]);
    assert.equal(rules(lab.table), whole);
    assert.equal(await asked('lan', at4('plain'), 80), lan);
    assert.equal(await asked('lan', at4('known'), 80), lan);
    assert.equal(await asked('lan', lanHost6, 18404), lan6);
    const before = rules(lab.table);
    const passing = await lab.createNetwork('passing', {
      ...dual,
      options: { ...modes('routed', 'nat-unprotected').options, [`${option}host_ipv6`]: chosen6 },
    });
    await passing.connect({ containerId: 'brief', ports: [publish(0), publish(18409, 53, udp)] });
    assert.notEqual(rules(lab.table), before);
    await passing.disconnect('brief');
    await lab.networks.remove(passing.description.id);
    assert.equal(rules(lab.table), before);
  });
}
