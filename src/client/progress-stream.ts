/** The progress of pulls, pushes, loads and builds: what fails in the middle of the stream is thrown. */
import { EngineError } from '../errors/engine-error.ts';
import type { ProgressMessage } from '../wire/progress-message.ts';

/** EngineError `internal` with the daemon's own text where the message is about a failure. */
export function checkProgress(message: ProgressMessage): void {
  const failure = message.errorDetail?.message ?? message.error;
  if (failure !== undefined) throw new EngineError('internal', failure);
}

/** The messages up to the first failure, which is thrown. */
export async function* checkedProgress(
  messages: AsyncIterable<ProgressMessage>,
): AsyncGenerator<ProgressMessage, void> {
  for await (const message of messages) {
    checkProgress(message);
    yield message;
  }
}

/**
 * Reads a stream to its end for whoever wants only the outcome: `await drain(client.images.pull('alpine'))`. Resolves with
 * the last item, undefined where there was none; rejects as the stream does.
 */
export async function drain<T>(items: AsyncIterable<T>): Promise<T | undefined> {
  let last: T | undefined;
  for await (const item of items) last = item;
  return last;
}
