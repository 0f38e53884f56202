/** Why dockerd 20.10 answers otherwise than Gantry, and the table of that in the docs. */
import type { Difference } from './results.ts';

interface Reason {
  why: string;
  applies(difference: Difference): boolean;
}

const outside: readonly string[] = ['client', 'neighbour'];
const published = (asked: string): boolean => asked.startsWith('`-p');
const address = (asked: string): boolean => asked.startsWith('its address');
const outward = (title: string): boolean => title.includes('outward');

/** The first that applies counts. */
export const reasons: readonly Reason[] = [
  {
    why: 'Gantry’s internal networks have no default route: the host is reached at the gateway alone',
    applies: ({ title, asked, column }) =>
      (title === '`--internal`' && published(asked)) ||
      (outward(title) && asked === '`--internal`' && column.startsWith('the host')),
  },
  {
    why: 'no rules for IPv6 without the experimental `--ip6tables` (on by default since 27): containers are open to all who have a route, and leave with their own address',
    applies: ({ title, asked, column }) =>
      (address(asked) && asked.endsWith('v6')) || (outward(title) && column.endsWith('v6')),
  },
  {
    why: 'Docker before 28 accepts what is routed to a published port of a container; it did the same with ports published on 127.0.0.1 alone, so a neighbour reaches them',
    applies: ({ asked, column }) =>
      outside.includes(column) && asked.endsWith('v4') && (address(asked) || asked.includes('localhost')),
  },
  {
    why: 'the userland proxy takes it: for IPv6, and for what containers send to the host. Its answers by UDP leave from another address than was asked, and the container sees the proxy’s',
    applies: ({ asked, theirs }) => published(asked) && theirs.includes('nat'),
  },
];

/** The differences with their reasons, those of one row together. Throws for one that nobody has explained, and for a reason that nothing needs. */
export function explainedTable(found: readonly Difference[]): string {
  const rows = new Map<string, { columns: string[]; cells: string[] }>();
  const used = new Set<Reason>();
  for (const difference of found) {
    const { title, asked, column, ours, theirs } = difference;
    const reason = reasons.find((one) => one.applies(difference));
    if (reason === undefined) throw new Error(`nobody has explained ${JSON.stringify(difference)}`);
    used.add(reason);
    const key = JSON.stringify([title, asked, ours, theirs, reason.why]);
    const row = rows.get(key) ?? { columns: [], cells: [ours, theirs, reasonNumber(reason)] };
    row.columns.push(column);
    rows.set(key, row);
  }
  const idle = reasons.find((reason) => !used.has(reason));
  if (idle !== undefined) throw new Error(`nothing needs the explanation "${idle.why}"`);
  const lines = [...rows].map(([key, { columns, cells }]) => {
    const [title, asked] = JSON.parse(key) as [string, string];
    return `| ${[title, asked, columns.join(', '), ...cells].join(' | ')} |\n`;
  });
  const list = reasons.map(({ why }, at) => `${at + 1}. ${why[0]?.toUpperCase()}${why.slice(1)}.\n`).join('');
  const head =
    '| network | asked for | by | Gantry | dockerd | why |\n| --- | --- | --- | --- | --- | --- |\n';
  return `${list}\n${head}${lines.join('')}`;
}

function reasonNumber(reason: Reason): string {
  return String(reasons.indexOf(reason) + 1);
}
