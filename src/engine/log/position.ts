/** How far a container's log was sent: a small file beside it, whole at any time. */
import { readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { LogPlace } from './cursor.ts';

/** Beside the log at `path`. */
export function positionPath(path: string): string {
  return join(dirname(path), 'forwarded.json');
}

/** undefined where nothing was sent yet, or nobody knows: all is sent again then. */
export async function readPosition(path: string): Promise<LogPlace | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(positionPath(path), 'utf8'));
    return isPlace(value) ? { identity: value.identity, offset: value.offset } : undefined;
  } catch {
    return undefined;
  }
}

/** Survives the end of the daemon at once; a power cut may bring back an earlier one. */
export async function writePosition(path: string, place: LogPlace): Promise<void> {
  const target = positionPath(path);
  await writeFile(`${target}.new`, JSON.stringify(place));
  await rename(`${target}.new`, target);
}

function isPlace(value: unknown): value is LogPlace {
  return (
    typeof value === 'object' &&
    value !== null &&
    'identity' in value &&
    typeof value.identity === 'string' &&
    'offset' in value &&
    typeof value.offset === 'number'
  );
}
