/** Waiting for something that comes by itself. */
import { setTimeout as sleep } from 'node:timers/promises';

/** Resolves once `condition` holds; rejects when it does not within `limitMs`. */
export async function until(condition: () => boolean | Promise<boolean>, limitMs = 5000): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > deadline)
      throw new Error(`it did not come true within ${limitMs} ms: ${condition}`);
    await sleep(20);
  }
}
