/** A failure in words: what failed, how to mend it, and on a terminal what stands in the way. */
import { isEngineError } from '../errors/engine-error.ts';
import type { Context } from './context.ts';
import { describeError } from './exit-code.ts';

/** Lines for stderr; '' where there is nothing to say. */
export async function describeFailure(
  context: Pick<Context, 'io' | 'client' | 'debug'>,
  error: unknown,
): Promise<string> {
  const text = describeError(error, context.debug);
  if (text === '' || isEngineError(error, 'cancelled')) return text;
  const { adviceOn } = await import('./advice/advice.ts');
  const advice = await adviceOn(context, error);
  return text + advice.map((line) => `${line}\n`).join('');
}
