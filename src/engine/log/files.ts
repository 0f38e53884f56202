/** A json-file log on disk: the current file and those it was rotated to, opened as one consistent set. */
import { type FileHandle, open, stat } from 'node:fs/promises';
import { errnoOf } from '../../errors/engine-error.ts';

export interface LogFile {
  handle: FileHandle;
  /** Tells it from its successor at the same path. */
  inode: number;
  /** Bytes when it was opened. */
  size: number;
}

const attempts = 20;
const blockSize = 64 * 1024;
const newline = 0x0a;

/** Oldest first, the current one last; empty where there is no log yet. A rotation meanwhile makes it look again. */
export async function openLogFiles(path: string): Promise<LogFile[]> {
  for (let attempt = 0; ; attempt += 1) {
    const files = await openAll(path);
    const newest = files.at(-1)?.inode;
    if (newest === (await inodeOf(path)) || attempt === attempts) return files;
    await closeLogFiles(files);
  }
}

async function openAll(path: string): Promise<LogFile[]> {
  const files: LogFile[] = [];
  try {
    for (let index = 0; ; index += 1) {
      const file = await openLogFile(index === 0 ? path : `${path}.${index}`);
      if (file === undefined) return files;
      files.unshift(file);
    }
  } catch (error) {
    await closeLogFiles(files);
    throw error;
  }
}

/** undefined where it isn't there. */
export async function openLogFile(path: string): Promise<LogFile | undefined> {
  try {
    const handle = await open(path, 'r');
    const { ino, size } = await handle.stat();
    return { handle, inode: ino, size };
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** The file that took the place of the one with this inode: rotated meanwhile, perhaps more than once. undefined where `inode` is still current. */
export async function openSuccessor(path: string, inode: number): Promise<LogFile | undefined> {
  const files = await openLogFiles(path);
  const place = files.findIndex((file) => file.inode === inode);
  /* Where it was rotated away altogether, everything that is left is new. */
  const successor = files[place + 1];
  await closeLogFiles(files.filter((file) => file !== successor));
  return successor;
}

export async function inodeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).ino;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

export async function closeLogFiles(files: readonly LogFile[]): Promise<void> {
  for (const { handle } of files) await handle.close();
}

/** Where the last `count` lines begin, found from the end backwards. */
export async function tailStart(
  files: readonly LogFile[],
  count: number,
): Promise<{ file: number; position: number }> {
  let missing = count;
  for (let file = files.length - 1; file >= 0; file -= 1) {
    const { handle, size } = files[file] ?? { handle: undefined, size: 0 };
    if (handle === undefined) continue;
    const found = await startOfLines(handle, size, missing);
    if (found.missing === 0) return { file, position: found.position };
    missing = found.missing;
  }
  return { file: 0, position: 0 };
}

/** The n-th newline from the end ends the line before those wanted; the last newline itself ends the last line. */
async function startOfLines(
  handle: FileHandle,
  size: number,
  wanted: number,
): Promise<{ position: number; missing: number }> {
  const block = Buffer.allocUnsafe(blockSize);
  /* Lines that are seen whole: one less than the newlines before the file's beginning is reached. */
  let newlines = 0;
  for (let end = size; end > 0; ) {
    const start = Math.max(0, end - blockSize);
    const { bytesRead } = await handle.read(block, 0, end - start, start);
    for (let at = block.lastIndexOf(newline, bytesRead - 1); at >= 0 && bytesRead > 0; ) {
      newlines += 1;
      if (newlines > wanted) return { position: start + at + 1, missing: 0 };
      at = at === 0 ? -1 : block.lastIndexOf(newline, at - 1);
    }
    end = start;
  }
  return newlines === wanted ? { position: 0, missing: 0 } : { position: 0, missing: wanted - newlines };
}
