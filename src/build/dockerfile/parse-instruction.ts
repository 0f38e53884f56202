/** One instruction's text to its node: looks at the keyword and hands over to the reader of that instruction. */
import { EngineError } from '../../errors/engine-error.ts';
import type { Heredoc, Instruction, NodeBase, OnbuildInstruction } from './ast.ts';
import { heredocsOf } from './heredocs.ts';
import type { InstructionContext } from './instruction-context.ts';
import { flagsOf, invalid, needsOne } from './instruction-context.ts';
import { readArg, readFrom } from './instruction-from.ts';
import { readHealthcheck } from './instruction-healthcheck.ts';
import { readCmd, readEntrypoint, readRun, readShell } from './instruction-run.ts';
import {
  readEnv,
  readExpose,
  readLabel,
  readMaintainer,
  readStopsignal,
  readUser,
  readVolume,
  readWorkdir,
} from './instruction-settings.ts';
import { readAdd, readCopy } from './instruction-transfer.ts';
import { parseJsonArray, splitLine } from './split.ts';
import { didYouMean, suggestionInAnyCase } from './suggest.ts';

const readers: Record<string, (context: InstructionContext) => Instruction> = {
  add: readAdd,
  arg: readArg,
  cmd: readCmd,
  copy: readCopy,
  entrypoint: readEntrypoint,
  env: readEnv,
  expose: readExpose,
  from: readFrom,
  healthcheck: readHealthcheck,
  label: readLabel,
  maintainer: readMaintainer,
  onbuild: readOnbuild,
  run: readRun,
  shell: readShell,
  stopsignal: readStopsignal,
  user: readUser,
  volume: readVolume,
  workdir: readWorkdir,
};

const withHeredocs = new Set(['add', 'copy', 'run']);

/** The here-documents that the instruction on this line announces. EngineError where one can't be read. */
export function announcedHeredocs(line: string, mark: string): Heredoc[] {
  const { keyword, rest } = splitLine(line, mark);
  const name = keyword.toLowerCase();
  if (name === 'onbuild')
    return rest.toLowerCase().startsWith('onbuild') ? [] : announcedHeredocs(rest, mark);
  if (!withHeredocs.has(name) || !line.includes('<<') || parseJsonArray(rest) !== undefined) return [];
  return heredocsOf(line);
}

export interface InstructionLine {
  /** Joined, without white space before it. */
  text: string;
  heredocs: readonly Heredoc[];
  escape: string;
  place: Pick<NodeBase, 'original' | 'range' | 'comments'>;
}

/** EngineError `invalid-argument`, still without the place. */
export function parseInstruction({ text, heredocs, escape: mark, place }: InstructionLine): Instruction {
  const { keyword, flags, rest } = splitLine(text, mark);
  const reader = Object.hasOwn(readers, keyword.toLowerCase()) ? readers[keyword.toLowerCase()] : undefined;
  if (reader === undefined) throw unknownInstruction(keyword);
  return reader({ base: { ...place, keyword, text: text.trim(), flags }, rest, heredocs, escape: mark });
}

function unknownInstruction(keyword: string): EngineError {
  const near = didYouMean(suggestionInAnyCase(keyword, Object.keys(readers)));
  return new EngineError('invalid-argument', `unknown instruction: ${keyword}${near}`, {
    hint: `begin the line with an instruction: ${Object.keys(readers).join(', ').toUpperCase()}`,
  });
}

/** What is triggered is read too, so that an error in it shows here and not in somebody else's build. */
function readOnbuild(context: InstructionContext): OnbuildInstruction {
  if (context.rest === '') throw needsOne(context, 'ONBUILD COPY . /app');
  flagsOf(context);
  checkTrigger(splitLine(context.rest, context.escape).keyword.toUpperCase());
  const { base, heredocs, escape: mark } = context;
  parseInstruction({ text: context.rest, heredocs, escape: mark, place: base });
  const line = base.text.replace(/^\S+\s*/, '');
  const parts = heredocs.map((heredoc) => `\n${heredoc.content}${heredoc.name}`);
  return { ...base, kind: 'onbuild', trigger: line + parts.join('') };
}

function checkTrigger(keyword: string): void {
  if (keyword === 'ONBUILD')
    throw invalid("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed", 'remove the second ONBUILD');
  if (keyword === 'FROM' || keyword === 'MAINTAINER')
    throw invalid(`${keyword} isn't allowed as an ONBUILD trigger`, 'trigger another instruction');
}
