/** How much room a directory takes, for what containers write themselves: nobody records that. */
import { lstat, opendir } from 'node:fs/promises';
import { join } from 'node:path';

/** Bytes of the files below `path`, as `du --apparent-size` counts them: hard links once, directories not. What vanishes meanwhile counts nothing. */
export async function treeSize(path: string, signal?: AbortSignal): Promise<number> {
  const seen = new Set<string>();
  let total = 0;
  const pending = [path];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (signal?.aborted === true) break;
    for await (const { entry, isDirectory } of entriesOf(next)) {
      if (isDirectory) pending.push(entry);
      else total += await fileSize(entry, seen);
    }
  }
  return total;
}

async function* entriesOf(path: string): AsyncGenerator<{ entry: string; isDirectory: boolean }> {
  try {
    for await (const entry of await opendir(path, { bufferSize: 256 })) {
      yield { entry: join(path, entry.name), isDirectory: entry.isDirectory() };
    }
  } catch {
    /* Gone, or not a directory any more. */
  }
}

async function fileSize(path: string, seen: Set<string>): Promise<number> {
  try {
    const { dev, ino, nlink, size } = await lstat(path);
    if (nlink <= 1) return size;
    const key = `${dev}:${ino}`;
    if (seen.has(key)) return 0;
    seen.add(key);
    return size;
  } catch {
    return 0;
  }
}
