/** The tree of a Go template. */

/** Where it stands, for error messages. */
interface Positioned {
  position: number;
}

export type Operand = Positioned &
  (
    | { kind: 'dot' }
    | { kind: 'nil' }
    | { kind: 'literal'; value: string | number | boolean }
    | { kind: 'field'; names: string[] }
    | { kind: 'variable'; name: string; names: string[] }
    | { kind: 'chain'; operand: Operand; names: string[] }
    | { kind: 'function'; name: string }
    | { kind: 'pipeline'; pipeline: Pipeline }
  );

/** A function, method or field with its arguments, or one value. */
export interface Command extends Positioned {
  operands: Operand[];
}

export interface Pipeline extends Positioned {
  /** `$a := …` or `$i, $e := …`. */
  variables: string[];
  /** `=` in place of `:=`. */
  assigns: boolean;
  commands: Command[];
}

export type Statement = Positioned &
  (
    | { kind: 'text'; text: string }
    | { kind: 'print'; pipeline: Pipeline }
    | { kind: 'if' | 'with' | 'range'; pipeline: Pipeline; body: Statement[]; otherwise: Statement[] }
    | { kind: 'break' | 'continue' }
  );

export interface Template {
  source: string;
  body: Statement[];
}

/** The operand as it would be written, for `executing "" at <.Names>`. */
export function describe(operand: Operand): string {
  switch (operand.kind) {
    case 'dot':
      return '.';
    case 'nil':
      return 'nil';
    case 'literal':
      return typeof operand.value === 'string' ? JSON.stringify(operand.value) : String(operand.value);
    case 'field':
      return `.${operand.names.join('.')}`;
    case 'variable':
      return [operand.name, ...operand.names].join('.');
    case 'chain':
      return `(${describe(operand.operand)}).${operand.names.join('.')}`;
    case 'function':
      return operand.name;
    case 'pipeline':
      return operand.pipeline.commands.map(describeCommand).join(' | ');
  }
}

/** The command as it would be written. */
export function describeCommand(command: Command): string {
  return command.operands
    .map((operand) => (operand.kind === 'pipeline' ? `(${describe(operand)})` : describe(operand)))
    .join(' ');
}
