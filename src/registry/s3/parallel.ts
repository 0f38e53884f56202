/** Many requests at once, but not all: the way to work through a list of objects. */

const defaultLimit = 16;

/** Maps `items`, at most `limit` at a time. After the first failure nothing new is begun; rejects with it once all begun have ended. */
export async function mapParallel<T, R>(
  items: readonly T[],
  work: (item: T) => Promise<R>,
  limit = defaultLimit,
): Promise<R[]> {
  const results = new Array<R>(items.length);
  const failures: unknown[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length && failures.length === 0) {
      const index = next;
      next += 1;
      const item = items[index];
      if (item === undefined) continue;
      try {
        results[index] = await work(item);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  if (failures.length > 0) throw failures[0];
  return results;
}
