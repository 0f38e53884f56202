/** Classes of characters as Go's unicode package draws them, which differ a little from those of JavaScript. */

const spaces = /^[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]$/u;
export function isSpace(character: string): boolean {
  return spaces.test(character);
}

export function isDigit(character: string): boolean {
  return /^\p{Nd}$/u.test(character);
}

export function isNameCharacter(character: string): boolean {
  return character === '_' || /^[\p{L}\p{Nd}]$/u.test(character);
}

/** Without white space at both ends. */
export function trimSpace(text: string): string {
  return trimSpaceStart(trimEndOf(text, isSpace));
}

/** Without what `isTrimmed` at the end. A loop: the regular expressions for it take the square of the length. */
export function trimEndOf(text: string, isTrimmed: (character: string) => boolean): string {
  let end = text.length;
  while (end > 0 && isTrimmed(text.charAt(end - 1))) end -= 1;
  return text.slice(0, end);
}

export function trimSpaceStart(text: string): string {
  let index = 0;
  while (index < text.length && isSpace(text.charAt(index))) index += 1;
  return text.slice(index);
}

/** `"text"` with Go's escapes, near enough: JSON has the same for all that is printed. */
export function quoted(text: string): string {
  return JSON.stringify(text);
}
