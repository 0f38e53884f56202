/** Aligns columns that are separated by tabs, as Go's text/tabwriter does. */

export interface TabwriterOptions {
  /** Narrowest column. */
  minWidth: number;
  /** Spaces after the widest cell. */
  padding: number;
}

/** What docker's tables use. */
export const tableLayout: TabwriterOptions = { minWidth: 10, padding: 3 };

/**
 * Lays `text` out. A column is a run of lines that have a cell there which a tab ends, so a line with fewer
 * cells breaks it, and the last cell of a line is never padded.
 */
export function alignColumns(text: string, options: TabwriterOptions = tableLayout): string {
  const lines = text.split('\n').map((line) => line.split('\t'));
  const widths = lines.map((cells) => cells.map(() => 0));
  for (const [row, cells] of lines.entries()) {
    for (let column = 0; column < cells.length - 1; column += 1) {
      if (widths[row]?.[column] === 0) measureColumn(lines, widths, row, column, options);
    }
  }
  return lines
    .map((cells, row) => cells.map((cell, column) => padCell(cell, widths[row]?.[column] ?? 0)).join(''))
    .join('\n');
}

function measureColumn(
  lines: string[][],
  widths: number[][],
  first: number,
  column: number,
  options: TabwriterOptions,
): void {
  let width = options.minWidth;
  let end = first;
  for (; end < lines.length && column < (lines[end]?.length ?? 0) - 1; end += 1) {
    width = Math.max(width, lengthOf(lines[end]?.[column] ?? '') + options.padding);
  }
  for (let row = first; row < end; row += 1) {
    const line = widths[row];
    if (line !== undefined) line[column] = width;
  }
}

function padCell(cell: string, width: number): string {
  return cell + ' '.repeat(Math.max(0, width - lengthOf(cell)));
}

/** Characters, not UTF-16 units. */
function lengthOf(text: string): number {
  let length = 0;
  for (const _ of text) length += 1;
  return length;
}
