/** Lines of a file around a place in it, as errors and warnings of builds show them. */

export interface ExcerptSource {
  name: string;
  /** Without their ends. */
  lines: readonly string[];
}

const rule = '-'.repeat(20);

/**
 * The lines of `ranges` (first and last, from 1) with a few around them, numbered, theirs marked with `>>>`, in the form that Docker's
 * clients print; each line ends with a line feed. '' where no range is within the file.
 */
export function excerpt(source: ExcerptSource, ranges: ReadonlyArray<readonly [number, number]>): string {
  const first = Math.min(...ranges.map(([start]) => start));
  const last = Math.min(Math.max(...ranges.map(([, end]) => end)), source.lines.length);
  if (ranges.length === 0 || first < 1 || first > source.lines.length) return '';
  const window = withNeighbours(first, last, source.lines.length);
  const marked = (line: number): boolean => ranges.some(([start, end]) => start <= line && line <= end);
  const rows = source.lines.slice(window.from - 1, window.to).map((text, index) => {
    const line = window.from + index;
    return ` ${String(line).padStart(3)} | ${marked(line) ? '>>>' : '   '} ${text}\n`;
  });
  return `${source.name}:${first}\n${rule}\n${rows.join('')}${rule}\n`;
}

/** Four lines around one, two around several; fewer at the ends of the file (buildkit, solver/errdefs). */
function withNeighbours(first: number, last: number, count: number): { from: number; to: number } {
  const wanted = first === last ? 4 : 2;
  let from = first;
  let to = last;
  for (let padded = 0; padded < wanted; padded += 1) {
    if (from > 1) {
      from -= 1;
      padded += 1;
    }
    if (to < count) {
      to += 1;
      padded += 1;
    }
  }
  return { from, to };
}
