/** Scripts for iptables-restore(8) that change Gantry's chains and leave all others as they are. Pure. */
import type { IptablesFamily, SavedTable } from '../host/iptables.ts';
import { type IptablesTable, ownChains, type Rule } from './iptables-rules.ts';

const tables: readonly IptablesTable[] = ['raw', 'nat', 'filter'];
type Saved = ReadonlyMap<string, SavedTable>;

/** Takes rules out and puts others in, one family's; '' where there is nothing to do. */
export function changeScript(
  prefix: string,
  family: IptablesFamily,
  removed: readonly Rule[],
  added: readonly Rule[],
): string {
  return tables
    .map((table) => {
      const lines = [
        ...linesOf(prefix, '-D', ofTable(removed, family, table)),
        ...linesOf(prefix, '-A', ofTable(added, family, table)),
      ];
      return lines.length === 0 ? '' : section(table, lines);
    })
    .join('');
}

/** Makes the chains anew with exactly these rules, of one family, whatever of them is there. */
export function rewriteScript(
  prefix: string,
  family: IptablesFamily,
  rules: readonly Rule[],
  saved: Saved,
): string {
  return tables
    .filter((table) => ofTable(rules, family, table).length > 0)
    .map((table) =>
      section(table, [
        ...ownChains[table].map((chain) => `:${prefix}-${chain} - [0:0]`),
        ...jumpsIn(prefix, saved.get(table)).map(deletion),
        ...linesOf(prefix, '-A', ofTable(rules, family, table)),
      ]),
    )
    .join('');
}

/** Takes everything away; '' where nothing is. */
export function dropScript(prefix: string, saved: Saved): string {
  return [...saved]
    .map(([table, content]) => {
      const chains = chainsIn(prefix, content);
      const lines = [
        ...jumpsIn(prefix, content).map(deletion),
        ...chains.map((chain) => `-F ${chain}`),
        ...chains.map((chain) => `-X ${chain}`),
      ];
      return lines.length === 0 ? '' : section(table, lines);
    })
    .join('');
}

/** Does what is there have as many rules, chain by chain, as it should? Rules are not compared: iptables writes them in its own way. */
export function isWhole(
  prefix: string,
  family: IptablesFamily,
  rules: readonly Rule[],
  saved: Saved,
): boolean {
  return tables.every((table) => {
    const wanted = counts(ofTable(rules, family, table).map(({ chain }) => nameOf(prefix, chain)));
    const content = saved.get(table);
    const own = (content?.rules ?? []).filter((rule) => isOwn(prefix, chainOf(rule)));
    const present = counts([...own, ...jumpsIn(prefix, content)].map(chainOf));
    return wanted === present;
  });
}

function counts(chains: readonly string[]): string {
  const found = new Map<string, number>();
  for (const chain of chains) found.set(chain, (found.get(chain) ?? 0) + 1);
  return [...found]
    .map(([chain, count]) => `${chain} ${count}`)
    .sort()
    .join(', ');
}

function ofTable(rules: readonly Rule[], family: IptablesFamily, table: IptablesTable): Rule[] {
  return rules.filter((rule) => rule.family === family && rule.table === table);
}

const shortNames: ReadonlySet<string> = new Set(Object.values(ownChains).flat());

/** By its whole name: a second daemon's table may be called `gantry-2`. */
function isOwn(prefix: string, chain: string): boolean {
  return chain.startsWith(`${prefix}-`) && shortNames.has(chain.slice(prefix.length + 1));
}

function chainsIn(prefix: string, content: SavedTable | undefined): string[] {
  return [...(content?.policies.keys() ?? [])].filter((chain) => isOwn(prefix, chain));
}

/** Rules of chains that are not Gantry's which lead to one that is. */
function jumpsIn(prefix: string, content: SavedTable | undefined): string[] {
  return (content?.rules ?? []).filter(
    (rule) => !isOwn(prefix, chainOf(rule)) && isOwn(prefix, / -[jg] (\S+)/.exec(rule)?.[1] ?? ''),
  );
}

/** `-A CHAIN …` */
function chainOf(line: string): string {
  return line.split(' ', 2)[1] ?? '';
}

function deletion(line: string): string {
  return `-D${line.slice('-A'.length)}`;
}

/** Filtered packets meet Gantry's rules before others that may drop or take what they don't know; NAT of others comes before Gantry's. */
function linesOf(prefix: string, action: '-A' | '-D', rules: readonly Rule[]): string[] {
  return rules.map(({ chain, rule }) => {
    const verb = action === '-A' && ['FORWARD', 'INPUT'].includes(chain) ? '-I' : action;
    return `${verb} ${nameOf(prefix, chain)} ${rule.replace('@', `${prefix}-`)}`;
  });
}

function nameOf(prefix: string, chain: string): string {
  return chain === chain.toUpperCase() ? chain : `${prefix}-${chain}`;
}

function section(table: string, lines: readonly string[]): string {
  return `*${table}\n${lines.join('\n')}\nCOMMIT\n`;
}
