/** Breaks text into lines and lays out two columns. */

/** `text` in lines of at most `width` characters, broken at spaces; a line break in the text stays. */
export function wrapText(text: string, width: number): string[] {
  return text.split('\n').flatMap((line) => wrapLine(line, Math.max(20, width)));
}

function wrapLine(line: string, width: number): string[] {
  const lines: string[] = [];
  let current = '';
  for (const word of line.split(' ')) {
    if (current !== '' && current.length + 1 + word.length > width) {
      lines.push(current);
      current = word;
    } else current = current === '' ? word : `${current} ${word}`;
  }
  return [...lines, current];
}

/** Two columns: the first as wide as its widest cell, the second broken to fit into `width`. */
export function twoColumns(
  rows: ReadonlyArray<readonly [string, string]>,
  width: number,
  paint = (text: string) => text,
): string {
  const first = Math.max(0, ...rows.map(([left]) => left.length));
  return rows
    .map(([left, right]) => {
      const [head = '', ...rest] = wrapText(right, width - first - 3);
      const gap = ' '.repeat(first - left.length + 3);
      return [`${paint(left)}${gap}${head}`, ...rest.map((line) => ' '.repeat(first + 3) + line)].join('\n');
    })
    .map((row) => `${row.trimEnd()}\n`)
    .join('');
}
