/** The interfaces of a bridge on a real kernel. Who reaches whom by it is the contract of firewalls, test/support/firewall-contract.ts. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import type { Endpoint } from '../../src/network/network-types.ts';
import { NetworkLab } from '../support/network-lab.ts';

let lab: NetworkLab;
let web: Endpoint;

before(async () => {
  lab = await NetworkLab.open({ ipv6: true });
  web = await lab.container('web');
});
after(() => lab.close());

test('the interface is as Docker’s: eth0, MAC from the address, default routes', () => {
  const inside = (...args: string[]) => execFileSync('ip', ['-n', lab.namespace('web'), ...args]).toString();
  assert.match(
    inside('addr', 'show', 'eth0'),
    /eth0@.* mtu 1500 .*state UP[\s\S]*02:42:0a:d5:4d:02[\s\S]*inet 10\.213\.77\.2\/24 brd 10\.213\.77\.255/,
  );
  assert.match(inside('route'), /default via 10\.213\.77\.1 dev eth0/);
  assert.match(inside('-6', 'route'), new RegExp(`default via ${web.ipv6Gateway} dev eth0`));
  assert.match(inside('addr', 'show', 'lo'), /<LOOPBACK,UP,LOWER_UP>/);
});
