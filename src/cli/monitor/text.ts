/** Texts for the terminal: cut to a width, aligned, and without what could move the cursor. */

/** Exactly `width` characters, harmless: cut with an ellipsis, or filled with spaces. */
export function fit(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  const characters = [...harmless(text)];
  if (characters.length > width) return width < 1 ? '' : `${characters.slice(0, width - 1).join('')}…`;
  const gap = ' '.repeat(width - characters.length);
  const kept = characters.join('');
  return align === 'left' ? kept + gap : gap + kept;
}

/** Without colours, movements and control characters; tabs are spaces. */
export function harmless(text: string): string {
  return (
    text
      // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are made of them
      .replace(/\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-~])/g, '')
      .replaceAll('\t', '    ')
      // biome-ignore lint/suspicious/noControlCharactersInRegex: what is left of them
      .replace(/[\x00-\x1f\x7f-\x9f]/g, '')
  );
}

/** `1.5k`, `220M`: at most five characters. */
export function shortSize(bytes: number): string {
  const units = ['B', 'k', 'M', 'G', 'T', 'P'];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : 1;
  return `${value.toFixed(digits)}${units[unit] ?? ''}`;
}
