/** By what the firewall's rules are written, what happens to the rules of an earlier way, and that those of others stay as they are. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { afterEach, beforeEach, test } from 'node:test';
import { isEngineError } from '../../src/errors/engine-error.ts';
import type { CommandRequest, CommandResult, Launcher } from '../../src/host/launcher-types.ts';
import { openFirewall } from '../../src/network/firewall-choice.ts';
import { publish } from '../support/firewall-contract.ts';
import { type LabOptions, lanHost, NetworkLab } from '../support/network-lab.ts';
import { until } from '../support/until.ts';

let lab: NetworkLab;
beforeEach(async () => {
  lab = await NetworkLab.open({ ipv6: true });
});
afterEach(() => lab.close());

const run = (program: string, ...args: string[]): string =>
  execFileSync(program, args, { stdio: ['ignore', 'pipe', 'pipe'] }).toString();
const saved = (variant: string): string => run(`iptables-${variant}-save`) + run(`ip6tables-${variant}-save`);
const isIn = { nftables: () => run('nft', 'list', 'tables').includes(lab.table) };
const legacy: LabOptions = { firewallBackend: 'iptables', iptablesVariants: ['legacy'] };
const viaNft: LabOptions = { firewallBackend: 'iptables', iptablesVariants: ['nft'] };

/** A host on which some programs fail or are not there. */
function hostWithout(broken: RegExp): Pick<Launcher, 'run' | 'netlink'> {
  const failed: CommandResult = {
    exitCode: 1,
    signal: null,
    timedOut: false,
    stdout: Buffer.alloc(0),
    stderr: Buffer.from('Operation not supported'),
  };
  return {
    run: (request: CommandRequest) =>
      broken.test(request.argv[0] ?? '') ? Promise.resolve(failed) : lab.launcher.run(request),
    netlink: (messages, netns) => lab.launcher.netlink(messages, netns),
  };
}

async function choose(broken: RegExp, wanted?: 'nftables' | 'iptables'): Promise<[string, string[]]> {
  const warnings: string[] = [];
  const firewall = await openFirewall({
    launcher: hostWithout(broken),
    table: `${lab.table}_x`,
    wanted,
    variants: undefined,
    warn: (message) => warnings.push(message),
  });
  return [firewall.backendName, warnings];
}

test('nftables where it can be used, else iptables, which is said; what was asked for, or a refusal', async () => {
  assert.deepEqual(await choose(/^never$/), ['nftables', []]);
  assert.deepEqual(await choose(/^never$/, 'iptables'), ['iptables', []]);
  const [name, warnings] = await choose(/^nft$/);
  assert.equal(name, 'iptables');
  assert.match(warnings.join(), /nftables cannot be used \(Operation not supported\)/);
  for (const [broken, wanted, message] of [
    [/^nft$/, 'nftables', /nftables cannot be used here: Operation not supported/],
    [/^ip6?tables/, 'iptables', /iptables cannot be used here/],
  ] as const)
    await assert.rejects(
      choose(broken, wanted),
      (error: unknown) =>
        isEngineError(error, 'failed-precondition') &&
        message.test(error.message) &&
        error.hint !== undefined,
    );
});

test('a host whose ip6tables does not work refuses IPv6 networks, and no others', async () => {
  const firewall = await openFirewall({
    launcher: hostWithout(/^ip6tables/),
    table: `${lab.table}_y`,
    wanted: 'iptables',
    variants: ['legacy'],
    warn: () => undefined,
  });
  const rules = { bridge: 'gtnone', icc: true, ipMasq: true, internal: false };
  try {
    await firewall.addBridge({ ...rules, subnets: ['10.213.90.0/24'] });
    assert.match(saved('legacy'), /10\.213\.90\.0\/24/);
    await assert.rejects(
      firewall.addBridge({ ...rules, bridge: 'gtnone6', subnets: ['10.213.91.0/24', 'fd00:91::/64'] }),
      (error: unknown) => isEngineError(error, 'failed-precondition') && /ip6tables/.test(error.message),
    );
    assert.doesNotMatch(saved('legacy'), /gtnone6/);
  } finally {
    await firewall.drop();
  }
  assert.doesNotMatch(saved('legacy'), new RegExp(lab.table));
});

test('a daemon that writes them another way takes those of the earlier one away; connections go on', async () => {
  await lab.addLan();
  await lab.container('web', [publish(18880)]);
  await lab.serve('web', 'tcp:80');
  const ways: Array<[LabOptions, () => boolean]> = [
    [{ firewallBackend: 'nftables' }, isIn.nftables],
    [legacy, () => saved('legacy').includes(lab.table)],
    [viaNft, () => saved('nft').includes(lab.table)],
  ];
  for (const [options, isThere] of [...ways, ...ways]) {
    await lab.restart({ ipv6: true }, ['web'], options);
    assert.ok(isThere());
    const there = ways.filter(([, one]) => one()).length;
    assert.equal(there, 1, 'rules of one way alone');
    assert.equal(await lab.ask({ from: 'lan', host: lanHost, port: 18880 }), '198.18.77.2');
  }
  assert.deepEqual(lab.warnings, []);
});

for (const variant of ['legacy', 'nft'] as const) {
  test(`iptables-${variant}: rules of others stay as they are, and DOCKER-USER is asked first`, async () => {
    const iptables = (...args: string[]): string => run(`iptables-${variant}`, '-w', '10', ...args);
    const chain = `other_${lab.tag}`;
    const hadDockerUser = saved(variant).includes(':DOCKER-USER');
    const refusal = ['DOCKER-USER', '-s', '198.18.77.2', '-o', lab.bridgeName, '-j', 'DROP'];
    iptables('-N', chain);
    iptables('-A', chain, '-s', '203.0.113.0/24', '-j', 'DROP');
    iptables('-A', 'FORWARD', '-j', chain);
    const others = (): string[] =>
      saved(variant)
        .split('\n')
        .filter((line) => line.includes(chain));
    const before = others();
    try {
      await lab.restart({ ipv6: true }, [], variant === 'legacy' ? legacy : viaNft);
      await lab.addLan();
      await lab.container('web', [publish(18881)]);
      await lab.serve('web', 'tcp:80');
      const attempt = { from: 'lan', host: lanHost, port: 18881 };
      assert.equal(await lab.ask(attempt), '198.18.77.2');
      if (!hadDockerUser) iptables('-N', 'DOCKER-USER');
      iptables('-I', ...refusal);
      // Someone made the chain while the daemon runs: found without a restart.
      await until(async () => (await lab.ask(attempt)) === 'timeout', 5000);
      iptables('-D', ...refusal);
      assert.equal(await lab.ask(attempt), '198.18.77.2');
      await lab.networks.destroy();
      assert.deepEqual(others(), before);
      assert.doesNotMatch(saved(variant), new RegExp(lab.table));
    } finally {
      await lab.networks.destroy();
      iptables('-D', 'FORWARD', '-j', chain);
      iptables('-F', chain);
      iptables('-X', chain);
      if (!hadDockerUser && saved(variant).includes(':DOCKER-USER')) iptables('-X', 'DOCKER-USER');
    }
  });
}
