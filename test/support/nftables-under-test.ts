/** nftables, as the contracts of firewalls want it. */
import { execFileSync } from 'node:child_process';
import type { FirewallUnderTest } from './firewall-contract.ts';

const nft = (...args: string[]): string => execFileSync('nft', args).toString();

export const nftablesUnderTest: FirewallUnderTest = {
  name: 'nftables',
  options: { firewallBackend: 'nftables' },
  emptyGuard: (table) => nft('flush', 'chain', 'inet', table, 'guard'),
  flush: (table) => nft('delete', 'table', 'inet', table),
  // Elements of sets come in any order.
  rules: (table) =>
    nft('list', 'tables').includes(`inet ${table}\n`)
      ? (nft('list', 'table', 'inet', table).match(/[^,{}\n]+/g) ?? [])
          .map((word) => word.trim())
          .sort()
          .join('\n')
      : '',
};
