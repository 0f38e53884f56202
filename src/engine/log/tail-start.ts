/** Finds where the last lines of a log begin. */
import type { LogFile } from './log-file.ts';

const blockSize = 64 * 1024;
const newline = 0x0a;

/** Where the last `count` lines begin, found from the end backwards. */
export async function tailStart(
  files: readonly LogFile[],
  count: number,
): Promise<{ file: number; position: number }> {
  let missing = count;
  for (let index = files.length - 1; index >= 0; index -= 1) {
    const file = files[index];
    if (file === undefined) continue;
    const found = await startOfLines(file, missing);
    if (found.missing === 0) return { file: index, position: found.position };
    missing = found.missing;
  }
  return { file: 0, position: 0 };
}

/** The n-th newline from the end ends the line before those wanted; the last newline itself ends the last line. */
async function startOfLines(file: LogFile, wanted: number): Promise<{ position: number; missing: number }> {
  const block = Buffer.allocUnsafe(blockSize);
  /* Lines that are seen whole: one less than the newlines before the file's beginning is reached. */
  let newlines = 0;
  for (let end = file.size; end > 0; ) {
    const start = Math.max(0, end - blockSize);
    const length = await file.read(block, end - start, start);
    for (let at = block.lastIndexOf(newline, length - 1); at >= 0 && length > 0; ) {
      newlines += 1;
      if (newlines > wanted) return { position: start + at + 1, missing: 0 };
      at = at === 0 ? -1 : block.lastIndexOf(newline, at - 1);
    }
    end = start;
  }
  return newlines === wanted ? { position: 0, missing: 0 } : { position: 0, missing: wanted - newlines };
}
