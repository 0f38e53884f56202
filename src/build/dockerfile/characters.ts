/** Classes of characters as Go's unicode package draws them, which differ a little from those of JavaScript. */

const spaces = /^[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]$/u;
const edges =
  /^[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+|[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+$/gu;

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
  return text.replace(edges, '');
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
