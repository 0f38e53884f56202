import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSave } from '../host/iptables.ts';
import {
  bridgeRules,
  chainPrefix,
  endpointRules,
  ownChains,
  redirectRules,
  standingRules,
} from './iptables-rules.ts';
import { changeScript, dropScript, isWhole, rewriteScript } from './iptables-script.ts';
import type { Endpoint } from './network-types.ts';

const bridge = {
  bridge: 'gantry0',
  subnets: ['172.17.0.0/16', 'fd00::/64'],
  icc: true,
  ipMasq: true,
  internal: false,
};
const endpoint: Endpoint = {
  containerId: 'c',
  endpointId: 'e',
  networkId: 'n',
  ipAddress: '172.17.0.2',
  prefixLength: 16,
  gateway: '172.17.0.1',
  ipv6Address: 'fd00::2',
  macAddress: '',
  hostInterface: '',
  publishFrom: ['10.0.0.0/8', '::/0'],
  ports: [
    { containerPort: 80, protocol: 'tcp', hostIp: '0.0.0.0', hostPort: 8080 },
    { containerPort: 53, protocol: 'udp', hostIp: '127.0.0.1', hostPort: 53 },
    { containerPort: 80, protocol: 'sctp', hostIp: '::', hostPort: 8080 },
  ],
};
const all = [
  ...standingRules('4', false),
  ...standingRules('6', false),
  ...bridgeRules(bridge),
  ...endpointRules(endpoint),
];

/** What iptables-save prints once a script was applied. */
function savedAfter(script: string) {
  const lines = script.split('\n').filter((line) => !line.startsWith('-D'));
  return parseSave(lines.map((line) => line.replace(/^-I /, '-A ')).join('\n'));
}

test('a published port is one rule of NAT; its sources are asked first where they are limited', () => {
  assert.equal(
    changeScript('gantry', '4', [], endpointRules(endpoint)),
    `*nat
-A gantry-any -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80
-A gantry-exact -d 127.0.0.1 -p udp -m udp --dport 53 -j DNAT --to-destination 172.17.0.2:53
COMMIT
*filter
-A gantry-sources -s 10.0.0.0/8 -d 172.17.0.2 -j RETURN
-A gantry-sources -d 172.17.0.2 -j DROP
COMMIT
`,
  );
  assert.equal(
    changeScript('gantry', '6', endpointRules(endpoint), []),
    '*nat\n-D gantry-any -p sctp -m sctp --dport 8080 -j DNAT --to-destination [fd00::2]:80\nCOMMIT\n',
  );
  assert.equal(
    changeScript('gantry', '6', [], redirectRules({ address: '172.17.0.1', protocol: 'udp', port: 5353 })),
    '',
  );
});

test('what was written is whole; with a rule, a jump or a chain less it is not', () => {
  for (const family of ['4', '6'] as const) {
    const rules = all.filter((rule) => rule.family === family);
    const script = rewriteScript('gantry', family, rules, new Map());
    assert.equal(isWhole('gantry', family, rules, savedAfter(script)), true);
    for (const line of script.split('\n').filter((one) => /^-[AI] /.test(one)))
      assert.equal(
        isWhole('gantry', family, rules, savedAfter(script.replace(`${line}\n`, ''))),
        false,
        line,
      );
  }
  assert.equal(isWhole('gantry', '4', all, new Map()), false);
});

test('taking away names Gantry’s own chains and jumps alone, and not those of a daemon whose table begins alike', () => {
  const both = ['gantry', 'gantry-2'].map((prefix) => rewriteScript(prefix, '4', all, new Map()));
  const others =
    '*filter\n:DOCKER-USER - [0:0]\n-A FORWARD -j DOCKER-USER\n-A FORWARD -i gantry0 -j ACCEPT\nCOMMIT\n';
  const merged = ['raw', 'nat', 'filter'].map((table) => {
    const bodies = [...both, others].flatMap((script) =>
      script
        .split(/^(?=\*)/m)
        .filter((part) => part.startsWith(`*${table}\n`))
        .map((part) => part.split('\n').slice(1, -2).join('\n')),
    );
    return `*${table}\n${bodies.join('\n')}\nCOMMIT\n`;
  });
  const script = dropScript('gantry', savedAfter(merged.join('')));
  assert.doesNotMatch(script, /gantry-2|DOCKER-USER|gantry0/);
  assert.equal(script.match(/^-X /gm)?.length, Object.values(ownChains).flat().length);
  assert.equal(script.match(/^-D /gm)?.length, 7);
  assert.equal(dropScript('gantry-3', savedAfter(merged.join(''))), '');
});

test('rewriting takes jumps out that are there already, and asks DOCKER-USER first where it is', () => {
  const rules = standingRules('4', true);
  const before = savedAfter(rewriteScript('gantry', '4', rules, new Map()));
  const script = rewriteScript('gantry', '4', rules, before);
  assert.equal(script.match(/^-D FORWARD -j gantry-forward$/gm)?.length, 1);
  assert.match(script, /^-I FORWARD -j gantry-forward$/m);
  assert.match(
    script,
    /-A gantry-check -j DOCKER-USER\n-A gantry-check -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT/,
  );
});

test('names of chains fit what the kernel takes, and differ where tables do', () => {
  assert.equal(chainPrefix('gantry'), 'gantry');
  const [one, other] = [`${'x'.repeat(63)}a`, `${'x'.repeat(63)}b`].map(chainPrefix);
  assert.notEqual(one, other);
  for (const chain of Object.values(ownChains).flat()) assert.ok(`${one}-${chain}`.length <= 28);
});
