/** From the bytes of a terminal to the names of keys. */

const sequences: ReadonlyMap<string, string> = new Map([
  ['\x1b[A', 'up'],
  ['\x1bOA', 'up'],
  ['\x1b[B', 'down'],
  ['\x1bOB', 'down'],
  ['\x1b[C', 'right'],
  ['\x1bOC', 'right'],
  ['\x1b[D', 'left'],
  ['\x1bOD', 'left'],
  ['\x1b[5~', 'page-up'],
  ['\x1b[6~', 'page-down'],
  ['\x1b[H', 'home'],
  ['\x1b[1~', 'home'],
  ['\x1bOH', 'home'],
  ['\x1b[F', 'end'],
  ['\x1b[4~', 'end'],
  ['\x1bOF', 'end'],
]);

const single: ReadonlyMap<string, string> = new Map([
  ['\r', 'enter'],
  ['\n', 'enter'],
  ['\x7f', 'backspace'],
  ['\b', 'backspace'],
  ['\x1b', 'escape'],
  ['\x03', 'ctrl-c'],
  ['\x0c', 'ctrl-l'],
]);

/** The keys in `text`, in order: a letter by itself, others by name; sequences that nobody knows are dropped. */
export function decodeKeys(text: string): string[] {
  const keys: string[] = [];
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what terminals send
  for (const [piece] of text.matchAll(/\x1b\[[\d;]*[A-Za-z~]|\x1bO[A-Za-z]|[\s\S]/gu)) {
    const name = sequences.get(piece) ?? single.get(piece);
    if (name !== undefined) keys.push(name);
    else if (piece >= ' ' && !piece.startsWith('\x1b')) keys.push(piece);
  }
  return keys;
}
