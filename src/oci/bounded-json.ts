/** JSON from strangers: parsed, unless it is nested so deep that whoever walks it would run out of stack. */
import { EngineError } from '../errors/engine-error.ts';

/** No document of an image has more than a handful. */
const maxDepth = 64;

/** Is some array or object of `text` nested deeper than that? Brackets in strings do not count. */
function isDeep(text: string): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 0x22) at = endOfString(text, at);
    else if (code === 0x5b || code === 0x7b) depth += 1;
    else if (code === 0x5d || code === 0x7d) depth -= 1;
    if (depth > maxDepth) return true;
  }
  return false;
}

/** The place of the quote that ends the string which begins at `start`. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 0x5c) at += 1;
    else if (code === 0x22) return at;
  }
  return text.length;
}

/** EngineError `invalid-argument` where it is no JSON, or nested too deep; `what` names it. */
export function parseBoundedJson(text: string, what: string): unknown {
  if (isDeep(text)) throw new EngineError('invalid-argument', `${what}: nested more than ${maxDepth} deep`);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new EngineError('invalid-argument', `${what}: not JSON`, { cause: error });
  }
}
