/** Does something for each argument, goes on after failures, and counts them. */

import type { Context } from './context.ts';
import { describeFailure } from './describe-failure.ts';

/**
 * Calls `action` for each of `names`, all at once, and prints in their order what it gives (the name where it gives
 * nothing) or why it failed. The exit code is 1 if any did.
 */
export async function forEachArgument(
  context: Context,
  names: readonly string[],
  action: (name: string) => Promise<string | undefined>,
): Promise<number> {
  let failed = false;
  const running = names.map((name) => action(name));
  // Each is awaited below, in turn; until then a failure must not count as unhandled.
  for (const promise of running) promise.catch(() => undefined);
  for (const [index, promise] of running.entries()) {
    try {
      const text = (await promise) ?? names[index] ?? '';
      if (text !== '') context.io.stdout.write(`${text}\n`);
    } catch (error) {
      failed = true;
      context.io.stderr.write(await describeFailure(context, error));
    }
  }
  return failed ? 1 : 0;
}
