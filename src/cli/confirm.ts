/** Asks before something is deleted. */
import { EngineError } from '../errors/engine-error.ts';
import type { Io } from './io.ts';

/** Goes on after `y` or `yes`. EngineError `cancelled` after anything else, or where nobody can answer. */
export async function confirm(io: Io, warning: string): Promise<void> {
  io.stdout.write(`${warning}\nAre you sure you want to continue? [y/N] `);
  const answer = await readLine(io);
  if (/^y(es)?$/i.test(answer.trim())) return;
  if (!io.stdin.isTerminal) io.stdout.write('\n');
  throw new EngineError('cancelled', 'operation cancelled: nothing was removed', {
    details: { exitCode: 1 },
  });
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
