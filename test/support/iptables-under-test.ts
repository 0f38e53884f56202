/** One of the two iptables, as the contract of firewalls wants it. */
import { execFileSync } from 'node:child_process';
import type { FirewallUnderTest } from './firewall-contract.ts';

export function iptablesUnderTest(variant: 'legacy' | 'nft'): FirewallUnderTest {
  const families = [`iptables-${variant}`, `ip6tables-${variant}`] as const;
  const run = (program: string, ...args: string[]): string =>
    execFileSync(program, args, { stdio: ['ignore', 'pipe', 'pipe'] }).toString();
  const ours = (family: string, table: string): string[] =>
    run(`${family}-save`)
      .split('\n')
      .filter((line) => line.includes(`${table}-`));
  return {
    name: `iptables-${variant}`,
    options: { firewallBackend: 'iptables', iptablesVariants: [variant] },
    emptyGuard: (table) => run(families[0], '-t', 'raw', '-F', `${table}-guard`),
    // As `iptables -F` and `-t nat -F` would, but without the rules of those who work beside this test.
    flush(table) {
      for (const family of families) {
        for (const [name, chain] of [
          ['nat', 'publish'],
          ['nat', 'any'],
          ['filter', 'forward'],
        ] as const)
          run(family, '-t', name, '-F', `${table}-${chain}`);
        run(family, '-D', 'FORWARD', '-j', `${table}-forward`);
      }
    },
    rules: (table) => families.flatMap((family) => ours(family, table).sort()).join('\n'),
  };
}
