/** The answers of the matrix as words, and as the tables of the docs. */
import { type Agent, askAll, type Question } from './agents.ts';
import type { Cell, Table } from './tables.ts';

export interface Result {
  title: string;
  columns: readonly string[];
  rows: Array<{ asked: string; cells: string[] }>;
}

const protocols = ['tcp', 'udp'] as const;
const silent = new Set(['silence', 'EHOSTUNREACH', 'ENETUNREACH', 'ETIMEDOUT', 'EADDRNOTAVAIL']);
const refused = new Set(['ECONNREFUSED']);

/** Asks all cells of all tables at once. */
export async function answerTables(tables: readonly Table[], agents: readonly Agent[]): Promise<Result[]> {
  const cells = tables.flatMap(({ rows }) => rows.flatMap((row) => row.cells));
  const questions = cells.flatMap(questionsOf);
  const answers = await askAll(agents, questions);
  let next = 0;
  const wordOf = (cell: Cell): string => {
    if (cell === undefined) return '–';
    const [tcp = '', udp = ''] = answers
      .slice(next, next + protocols.length)
      .map((answer) => word(cell, answer));
    next += protocols.length;
    return tcp === udp ? tcp : `tcp ${tcp}, udp ${udp}`;
  };
  return tables.map(({ title, columns, rows }) => ({
    title,
    columns,
    rows: rows.map((row) => ({ asked: row.asked, cells: row.cells.map(wordOf) })),
  }));
}

function questionsOf(cell: Cell): Question[] {
  if (cell === undefined) return [];
  const { asker, host, port } = cell;
  return protocols.map((protocol) => ({ asker, host, port, protocol }));
}

/** What else was answered (by another server, say) stands as it is, and is in no table of the docs. */
function word({ server }: NonNullable<Cell>, answer: string): string {
  if (silent.has(answer)) return 'no';
  if (refused.has(answer)) return 'refused';
  const [name, , whose] = answer.split(' ');
  if (name !== server.name) return `WRONG ${answer}`;
  return whose === 'own' ? 'yes' : 'nat';
}

/** The tables as Markdown. */
export function markdown(results: readonly Result[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`;
  return results
    .map(({ title, columns, rows }) => {
      const head = line([title.includes('outward') ? 'on' : 'asked for', ...columns]);
      const body = rows.map(({ asked, cells }) => line([asked, ...cells])).join('');
      return `### ${title}\n\n${head}${line(['---', ...columns.map(() => '---')])}${body}`;
    })
    .join('\n');
}

export interface Difference {
  title: string;
  asked: string;
  column: string;
  ours: string;
  theirs: string;
}

/** Cells that both have, and that are not alike. */
export function differences(ours: readonly Result[], theirs: readonly Result[]): Difference[] {
  return theirs.flatMap(({ title, columns, rows }) =>
    rows.flatMap(({ asked, cells }) => {
      const own = ours.find((result) => result.title === title)?.rows.find((row) => row.asked === asked);
      if (own === undefined) throw new Error(`there is no row "${asked}" of "${title}" to compare with`);
      return columns.flatMap((column, at) => {
        const pair = { ours: own.cells[at] ?? '', theirs: cells[at] ?? '' };
        return pair.ours === pair.theirs ? [] : [{ title, asked, column, ...pair }];
      });
    }),
  );
}
