/** Bold, dim and coloured text, on a terminal that wants it only. */
import type { Io, Output } from '../io.ts';

export interface Style {
  bold: (text: string) => string;
  dim: (text: string) => string;
  green: (text: string) => string;
  yellow: (text: string) => string;
  cyan: (text: string) => string;
}

const plain: Style = { bold: same, dim: same, green: same, yellow: same, cyan: same };
const coloured: Style = {
  bold: (text) => `\x1b[1m${text}\x1b[22m`,
  dim: (text) => `\x1b[2m${text}\x1b[22m`,
  green: (text) => `\x1b[32m${text}\x1b[39m`,
  yellow: (text) => `\x1b[33m${text}\x1b[39m`,
  cyan: (text) => `\x1b[36m${text}\x1b[39m`,
};

function same(text: string): string {
  return text;
}

/** Colours for a terminal, unless NO_COLOR is set or TERM is dumb (no-color.org). */
export function styleFor(output: Output, env: Io['env']): Style {
  const wanted = output.isTerminal && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
  return wanted ? coloured : plain;
}
