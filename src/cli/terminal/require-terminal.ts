/** Refuses `-it` where stdin is no terminal. */
import { EngineError } from '../../errors/engine-error.ts';
import type { Io } from '../io.ts';

/** EngineError `failed-precondition` "the input device is not a TTY". */
export function requireTerminal(io: Io): void {
  if (io.stdin.isTerminal) return;
  throw new EngineError('failed-precondition', 'the input device is not a TTY', {
    hint: 'Leave -t away where input or output is piped.',
  });
}
