/** What the reader of one instruction is given, and the errors that several share. */
import { EngineError } from '../../errors/engine-error.ts';
import type { CommandLine, Heredoc, NodeBase } from './ast.ts';
import type { FlagKind } from './flags.ts';
import { FlagValues } from './flags.ts';
import { parseJsonArray } from './split.ts';

export interface InstructionContext {
  base: NodeBase;
  /** All after the flags. */
  rest: string;
  heredocs: readonly Heredoc[];
  escape: string;
}

/** The keyword in upper case, as messages name it. */
export function nameOf({ base }: InstructionContext): string {
  return base.keyword.toUpperCase();
}

export function flagsOf(
  { base }: InstructionContext,
  known: Readonly<Record<string, FlagKind>> = {},
): FlagValues {
  return new FlagValues(base.flags, known);
}

/** A JSON array of strings, else a text for the shell. */
export function commandOf(text: string, heredocs: readonly Heredoc[] = []): CommandLine {
  const args = parseJsonArray(text);
  return args === undefined ? { form: 'shell', text, heredocs } : { form: 'exec', args };
}

export function invalid(message: string, hint?: string): EngineError {
  return new EngineError('invalid-argument', message, hint === undefined ? {} : { hint });
}

export function needsOne(context: InstructionContext, example: string): EngineError {
  return invalid(`${nameOf(context)} requires at least one argument`, `for example: ${example}`);
}

/** The one argument, which is all there is. */
export function exactlyOne(context: InstructionContext, example: string): string {
  if (context.rest !== '') return context.rest;
  throw invalid(`${nameOf(context)} requires exactly one argument`, `for example: ${example}`);
}

/** The text after `name ` in the comment that begins with it. */
export function descriptionOf(comments: readonly string[], name: string): string | undefined {
  if (name === '') return undefined;
  return comments.find((comment) => comment.startsWith(`${name} `))?.slice(name.length + 1);
}
