/** The checks that need nothing but the file: casing, names, old forms. */

import { quoted } from '../../../util/characters.ts';
import type { Dockerfile, FromInstruction, Instruction, Stage } from '../ast.ts';
import type { WarningList } from './warnings.ts';

export function checkSyntax(dockerfile: Dockerfile, warnings: WarningList): void {
  for (const { kind, range, detail } of dockerfile.notes) {
    if (kind === 'empty-continuation') warnings.add('NoEmptyContinuation', 'Empty continuation line', range);
    else {
      const message = `${quoted(detail)} is no valid JSON array and is run by the shell: use double quotes`;
      warnings.add('InvalidJSONForm', message, range);
    }
  }
  for (const stage of dockerfile.stages) checkFrom(stage.from, warnings);
  for (const arg of [...dockerfile.globalArgs, ...dockerfile.stages.flatMap((stage) => stage.instructions)]) {
    if (arg.kind === 'arg')
      checkDescription(
        arg,
        arg.args.map(({ name }) => name),
        warnings,
      );
    if (arg.kind === 'maintainer')
      warnings.add(
        'MaintainerDeprecated',
        'Maintainer instruction is deprecated in favor of using label',
        arg,
      );
  }
  checkStageNames(dockerfile.stages, warnings);
  checkCasing(dockerfile.stages, warnings);
}

function checkFrom(from: FromInstruction, warnings: WarningList): void {
  const { writtenName, as, keyword, name } = from;
  if (writtenName !== undefined && writtenName !== writtenName.toLowerCase())
    warnings.add('StageNameCasing', `Stage name '${writtenName}' should be lowercase`, from);
  if (as !== undefined && isMixed(keyword, as))
    warnings.add('FromAsCasing', `'${as}' and '${keyword}' keywords' casing do not match`, from);
  if (name !== undefined) checkDescription(from, [name], warnings);
}

/** Is FROM all of one case, and AS of another? */
function isMixed(from: string, as: string): boolean {
  if (from === from.toLowerCase()) return as !== as.toLowerCase();
  return from === from.toUpperCase() && as !== as.toUpperCase();
}

/** The comment right above is about something else than what is defined. */
function checkDescription(instruction: Instruction, names: readonly string[], warnings: WarningList): void {
  const comment = instruction.comments.at(-1);
  if (comment === undefined || names.includes(comment.split(' ')[0] ?? '')) return;
  const name = names.length > 1 ? '<arg_key>' : (names[0] ?? '');
  const message = `Comment for ${instruction.kind.toUpperCase()} should follow the format: \`# ${name} <description>\``;
  warnings.add('InvalidDefinitionDescription', message, instruction);
}

function checkStageNames(stages: readonly Stage[], warnings: WarningList): void {
  const seen = new Set<string>();
  for (const { name, from } of stages) {
    if (name === undefined) continue;
    if (name === 'scratch' || name === 'context') {
      const message = `Stage name should not use the same name as reserved stage ${quoted(name)}`;
      warnings.add('ReservedStageName', message, from);
    }
    if (seen.has(name)) {
      const message = `Duplicate stage name ${quoted(name)}, stage names should be unique`;
      warnings.add('DuplicateStageName', message, from);
    }
    seen.add(name);
  }
}

/** Upper case unless more keywords are in lower case. */
function checkCasing(stages: readonly Stage[], warnings: WarningList): void {
  const all = stages.flatMap((stage): Instruction[] => [stage.from, ...stage.instructions]);
  const lower = all.filter(({ keyword }) => keyword === keyword.toLowerCase()).length;
  const upper = all.filter(({ keyword }) => keyword === keyword.toUpperCase()).length;
  const [expected, name] =
    lower > upper
      ? [(text: string) => text.toLowerCase(), 'lowercase']
      : [(text: string) => text.toUpperCase(), 'uppercase'];
  for (const instruction of all) {
    const { keyword } = instruction;
    if (keyword === expected(keyword)) continue;
    const message = `Command '${keyword}' should match the case of the command majority (${name})`;
    warnings.add('ConsistentInstructionCasing', message, instruction);
  }
}
