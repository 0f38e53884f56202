/** Asks before something is deleted. */
import type { Io } from './io.ts';

/** True after `y` or `yes`; false after anything else, or where nobody can answer. `gap` stands before the question. */
export async function confirm(io: Io, warning: string, gap = '\n'): Promise<boolean> {
  io.stdout.write(`${warning}${gap}Are you sure you want to continue? [y/N] `);
  const answer = await readLine(io);
  return /^y(es)?$/i.test(answer.trim());
}

async function readLine(io: Io): Promise<string> {
  const stdin = io.stdin.open();
  let text = '';
  for await (const chunk of stdin) {
    text += String(chunk);
    if (text.includes('\n')) break;
  }
  return text.split('\n')[0] ?? '';
}
