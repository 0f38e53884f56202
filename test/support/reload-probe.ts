/**
 * Run in a network namespace of its own, where a flush of everything harms nobody: publishes a port, has the host's firewall reloaded as its own service
 * would, and prints what was seen as one line of JSON. Arguments: the backend (`nftables`, `iptables-nft`, `iptables-legacy`).
 */
import { execFileSync } from 'node:child_process';
import { publish } from './firewall-contract.ts';
import { type LabOptions, lanHost, NetworkLab } from './network-lab.ts';
import { until } from './until.ts';

const [backend = ''] = process.argv.slice(2);
const variant = backend === 'iptables-legacy' ? 'legacy' : 'nft';
const options: LabOptions =
  backend === 'nftables'
    ? { firewallBackend: 'nftables' }
    : { firewallBackend: 'iptables', iptablesVariants: [variant] };

const run = (program: string, args: readonly string[], input = ''): string =>
  execFileSync(program, args, { input, stdio: ['pipe', 'pipe', 'pipe'] }).toString();

/** A firewall of somebody else's, in the way of the backend: as nftables.service loads it, or as iptables-restore does. */
const others =
  variant === 'legacy'
    ? '*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:somebody - [0:0]\n-A INPUT -j somebody\n-A somebody -s 203.0.113.0/24 -j DROP\nCOMMIT\n*nat\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\nCOMMIT\n*raw\n:PREROUTING ACCEPT [0:0]\nCOMMIT\n'
    : 'flush ruleset\ntable inet somebody {\n  chain input { type filter hook input priority 0; policy accept; ip saddr 203.0.113.0/24 drop; }\n}\n';

function reload(): void {
  if (variant === 'legacy') run('iptables-legacy-restore', [], others);
  else run('nft', ['-f', '-'], others);
}

function theirs(): string {
  if (variant === 'nft') return run('nft', ['list', 'table', 'inet', 'somebody']);
  const lines = run('iptables-legacy-save', []).split('\n');
  return lines.filter((line) => line.includes('somebody')).join('\n');
}

run('ip', ['link', 'set', 'lo', 'up']);
reload();
const before = theirs();
const lab = await NetworkLab.open({}, options);
const found: Record<string, unknown> = {};
try {
  await lab.addLan();
  await lab.container('web', [publish(18080)]);
  await lab.serve('web', 'tcp:80');
  const ask = (): Promise<string> => lab.ask({ from: 'lan', host: lanHost, port: 18080 });
  found['published'] = await ask();
  const times: number[] = [];
  for (let turn = 0; turn < 3; turn += 1) {
    reload();
    const started = performance.now();
    await until(async () => (await ask()) === '198.18.77.2', 10_000);
    times.push(Math.round(performance.now() - started));
  }
  found['backAfterMs'] = times;
  found['othersUntouched'] = theirs() === before;
  found['outside'] = await lab.ask({ from: 'lan', host: '10.213.77.2', port: 80 });
} finally {
  await lab.close();
}
found['othersUntouchedAfter'] = theirs() === before;
process.stdout.write(`${JSON.stringify(found)}\n`);
