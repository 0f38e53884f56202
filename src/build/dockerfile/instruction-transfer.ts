/** COPY and ADD. */
import type { AddInstruction, CopyInstruction, TransferFields } from './ast.ts';
import type { FlagValues } from './flags.ts';
import { heredocOf, heredocText } from './heredocs.ts';
import { flagsOf, type InstructionContext, invalid, nameOf } from './instruction-context.ts';
import { parseJsonArray, splitAtBlanks } from './split.ts';

const shared = { chown: 'string', chmod: 'string', link: 'boolean', exclude: 'strings' } as const;

export function readCopy(context: InstructionContext): CopyInstruction {
  const words = wordsOf(context);
  const flags = flagsOf(context, { ...shared, from: 'string', parents: 'boolean' });
  return {
    ...context.base,
    kind: 'copy',
    ...transferOf(context, words, flags),
    // An empty --from is none, as in Docker.
    from: flags.string('from') || undefined,
    parents: flags.boolean('parents') ?? false,
  };
}

export function readAdd(context: InstructionContext): AddInstruction {
  const words = wordsOf(context);
  const flags = flagsOf(context, {
    ...shared,
    'keep-git-dir': 'boolean',
    checksum: 'string',
    unpack: 'boolean',
  });
  return {
    ...context.base,
    kind: 'add',
    ...transferOf(context, words, flags),
    keepGitDir: flags.boolean('keep-git-dir'),
    checksum: flags.string('checksum') || undefined,
    unpack: flags.boolean('unpack'),
  };
}

function wordsOf(context: InstructionContext): string[] {
  const words = parseJsonArray(context.rest) ?? splitAtBlanks(context.rest);
  if (words.length >= 2) return words;
  throw invalid(
    `${nameOf(context)} requires at least two arguments, but only one was provided. Destination could not be determined`,
    `write ${nameOf(context)} SOURCE DESTINATION`,
  );
}

function transferOf(
  context: InstructionContext,
  words: readonly string[],
  flags: FlagValues,
): TransferFields {
  const destination = words.at(-1) ?? '';
  if (heredocOf(destination) !== undefined) {
    throw invalid(
      `${nameOf(context)} cannot accept a heredoc as a destination`,
      'write a path after the here-documents',
    );
  }
  const given = words.slice(0, -1);
  // Those of one name are the last of it, as in Docker.
  const byName = new Map(context.heredocs.map((heredoc) => [heredoc.name, heredoc]));
  const heredocs = given.flatMap((word) => heredocOf(word) ?? []);
  return {
    sources: given.filter((word) => heredocOf(word) === undefined),
    files: heredocs.map((heredoc) => ({
      name: heredoc.name,
      content: heredocText({ ...heredoc, content: byName.get(heredoc.name)?.content ?? '' }),
      expand: heredoc.expand,
    })),
    destination,
    chown: flags.string('chown') || undefined,
    chmod: flags.string('chmod') || undefined,
    link: flags.boolean('link') ?? false,
    exclude: flags.strings('exclude'),
  };
}
