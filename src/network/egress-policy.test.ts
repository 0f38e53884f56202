/** What `--egress` allows, as it is written. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { matchesName, namedRanges, parseEgress, rangesOfName } from './egress-policy.ts';

test('names, what is below them, addresses and subnets, with ports', () => {
  const { rules } = parseEgress(
    'allow=Example.org:443,allow=*.example.org:8000-8100/udp,10.0.0.0/8:*,allow=[2001:db8::1]:53/udp,allow=[2001:db8::]/32:1,192.0.2.7:22',
  );
  assert.deepEqual(
    rules.map(({ host, protocol, first, last }) => [Object.values(host).join(' '), protocol, first, last]),
    [
      ['name example.org', 'tcp', 443, 443],
      ['below example.org', 'udp', 8000, 8100],
      ['subnet 10.0.0.0/8', 'tcp', 1, 65535],
      ['subnet 2001:db8::1/128', 'udp', 53, 53],
      ['subnet 2001:db8::/32', 'tcp', 1, 1],
      ['subnet 192.0.2.7/32', 'tcp', 22, 22],
    ],
  );
  assert.deepEqual(parseEgress('none'), { rules: [] });
});

test('what makes no sense is refused with the part that is wrong', () => {
  for (const [text, words] of [
    ['', /it is empty/],
    ['example.org:443', /begins with no allow=/],
    ['deny=example.org:443', /begins with no allow=/],
    ['allow=example.org', /the port is missing/],
    ['allow=example.org:', /the port is missing/],
    ['allow=:443', /the port is missing/],
    ['allow=example.org:0', /0 is no port/],
    ['allow=example.org:70000', /70000 is no port/],
    ['allow=example.org:90-80', /90-80 is no port/],
    ['allow=example.org:http', /"http" is no port/],
    ['allow=example.org:1/icmp', /icmp is no protocol/],
    ['allow=2001:db8::1:443', /in brackets/],
    ['allow=*:443', /\* alone is no host/],
    ['allow=a.*.org:443', /neither a name nor an address/],
    ['allow=10.0.0:443', /neither a name nor an address/],
    ['allow=exa mple.org:443', /neither a name nor an address/],
    ['allow=10.1.2.3/8:443', /is no subnet/],
    ['allow=10.0.0.0/33:443', /is no subnet/],
    ['allow=a.org:1,none', /"none" stands alone/],
    ['allow=a.org:1,,allow=b.org:1', /the port is missing/],
    [`allow=${'a.org:1,'.repeat(300)}a.org:1`, /more than 256 rules/],
    ['allow=a.org:1" } drop', /is no port/],
  ] as const)
    assert.throws(() => parseEgress(text), { code: 'invalid-argument', message: words }, text);
});

test('a name is allowed on the ports of the rules that speak of it, and no name but those', () => {
  const policy = parseEgress(
    'allow=a.org:443,allow=*.b.org:443,allow=*.b.org:80,allow=a.org:53/udp,allow=1.1.1.1:9',
  );
  assert.equal(namedRanges(policy).length, 3);
  assert.deepEqual(rangesOfName(policy, 'a.org'), [0, 2]);
  assert.deepEqual(rangesOfName(policy, 'x.y.b.org'), [0, 1]);
  for (const name of ['b.org', 'xb.org', 'a.org.evil', 'x.a.org', '', '1.1.1.1'])
    assert.deepEqual(rangesOfName(policy, name), [], name);
  assert.equal(policy.rules.filter((rule) => matchesName(rule, 'a.org')).length, 2);
});
