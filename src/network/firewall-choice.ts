/** Decides by what the firewall's rules are written on this host: nftables, or iptables where that can't be used. */
import { EngineError, messageOf } from '../errors/engine-error.ts';
import { Iptables, type IptablesFamily, type IptablesVariant } from '../host/iptables.ts';
import { readFact } from '../host/kernel.ts';
import type { Launcher } from '../host/launcher-types.ts';
import { Nft } from '../host/nft.ts';
import { Firewall } from './firewall.ts';
import type { FirewallBackend, FirewallName } from './firewall-types.ts';
import { IptablesBackend } from './iptables-backend.ts';
import { NftBackend } from './nft-backend.ts';
import { hasTable, rulesGeneration } from './nft-state.ts';
import { tableScript } from './nft-table.ts';

export interface FirewallOptions {
  launcher: Pick<Launcher, 'run' | 'netlink'>;
  table: string;
  /** undefined: what can be used here, nftables first. */
  wanted: FirewallName | undefined;
  variants: readonly IptablesVariant[] | undefined;
  warn: (message: string, hint: string) => void;
}

/** First what the host's administrator chose. */
const allVariants: readonly IptablesVariant[] = ['', 'legacy', 'nft'];
/** NFPROTO_IPV4 and NFPROTO_IPV6, the families of the tables of iptables. */
const protocols = { '4': 2, '6': 10 } as const;

/** EngineError `failed-precondition` where the wanted backend can't be used here. */
export async function openFirewall(options: FirewallOptions): Promise<Firewall> {
  const { launcher, table, wanted, warn } = options;
  const problem = wanted === 'iptables' ? undefined : await nftProblem(options);
  if (wanted !== 'iptables' && problem === undefined) return withNftables(options);
  if (wanted === 'nftables')
    throw new EngineError('failed-precondition', `nftables cannot be used here: ${problem}`, {
      hint: 'install nftables on a kernel that has nf_tables with NAT, or leave out firewall-backend',
    });
  const found = await findIptables(options);
  if (found !== undefined) {
    if (problem !== undefined)
      warn(
        `nftables cannot be used (${problem}): the rules of containers are written by iptables`,
        'install nftables: there, a published port costs the same however many there are',
      );
    return new Firewall(found.backend, () => dropNftables(options, found.variant));
  }
  if (wanted === 'iptables')
    throw new EngineError('failed-precondition', 'iptables cannot be used here', {
      hint: 'install iptables on a kernel that has it with NAT, or leave out firewall-backend',
    });
  // Of use where there is no bridge at all; else the first rule fails, and says why.
  return new Firewall(new NftBackend(launcher, table));
}

/** The whole table is tried, without being made: sets with ranges, and NAT in inet tables, are not in every kernel. */
function nftProblem({ launcher, table }: FirewallOptions): Promise<string | undefined> {
  return new Nft(launcher).check(tableScript({ table, bridges: [], redirects: [], endpoints: [] }));
}

function withNftables(options: FirewallOptions): Firewall {
  const { launcher, table } = options;
  return new Firewall(new NftBackend(launcher, table), () => dropIptables(options, ['legacy', 'nft']));
}

interface FoundIptables {
  backend: FirewallBackend;
  /** Which of the two it is. */
  variant: 'legacy' | 'nft';
}

async function findIptables(options: FirewallOptions): Promise<FoundIptables | undefined> {
  for (const variant of options.variants ?? allVariants) {
    const iptables = new Iptables(options.launcher, variant);
    if (!(await iptables.works('4'))) continue;
    const families: IptablesFamily[] = (await iptables.works('6')) ? ['4', '6'] : ['4'];
    const isNft = await iptables.isNft();
    const backend = makeIptables(options, iptables, families, isNft);
    return { backend, variant: isNft ? 'nft' : 'legacy' };
  }
  return undefined;
}

function makeIptables(
  { launcher, table }: FirewallOptions,
  iptables: Iptables,
  families: readonly IptablesFamily[],
  isNft: boolean,
): FirewallBackend {
  return new IptablesBackend({
    iptables,
    table,
    families,
    generation: () => (isNft ? rulesGeneration(launcher) : Promise.resolve(undefined)),
    droppingChains: () => othersThatDrop(launcher),
  });
}

/** Gantry's rules come first in iptables' own FORWARD chains, and accept. */
async function othersThatDrop(
  launcher: Pick<Launcher, 'run'>,
): Promise<{ forward: string[]; input: string[] }> {
  try {
    const { forward, input } = await new Nft(launcher).droppingChains();
    return { forward: forward.filter((chain) => !/^ip6? filter FORWARD$/.test(chain)), input };
  } catch {
    return { forward: [], input: [] };
  }
}

/** Of an earlier daemon with nftables, or with the other iptables. */
async function dropNftables(options: FirewallOptions, used: 'legacy' | 'nft'): Promise<void> {
  const { launcher, table } = options;
  await orWarn(options, () => new NftBackend(launcher, table).drop());
  await dropIptables(options, used === 'nft' ? ['legacy'] : ['nft']);
}

/** Of an earlier daemon with iptables. Nothing is run where iptables never was. */
async function dropIptables(
  options: FirewallOptions,
  variants: ReadonlyArray<'legacy' | 'nft'>,
): Promise<void> {
  for (const variant of variants) {
    const iptables = new Iptables(options.launcher, variant);
    for (const family of ['4', '6'] as const) {
      if (!(await wasUsed(options.launcher, variant, family))) continue;
      await orWarn(options, () => makeIptables(options, iptables, [family], false).drop());
    }
  }
}

async function wasUsed(
  launcher: Pick<Launcher, 'netlink'>,
  variant: 'legacy' | 'nft',
  family: IptablesFamily,
): Promise<boolean> {
  if (variant === 'nft') return hasTable(launcher, 'nat', protocols[family]);
  const names = readFact(`/proc/net/ip${family === '4' ? '' : '6'}_tables_names`) ?? '';
  return names.split('\n').includes('nat');
}

async function orWarn({ warn }: FirewallOptions, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    warn(
      `rules of an earlier daemon could not be taken away: ${messageOf(error)}`,
      'take them away by hand: nft list ruleset and iptables-save show them',
    );
  }
}
