/** The checks that go through a stage in order, with its variables. */

import { quoted } from '../../../util/characters.ts';
import { cleanPath } from '../../../util/patterns/clean-path.ts';
import type { IgnoreMatcher } from '../../../util/patterns/ignore.ts';
import type { AddInstruction, CopyInstruction, StageInstruction } from '../ast.ts';
import { parsePort } from '../ports.ts';
import { kindOfSource } from '../source-kind.ts';
import type { StageScope } from '../stage-scope.ts';
import { didYouMean, suggestion } from '../suggest.ts';
import type { WarningList } from './warnings.ts';

export interface StageState {
  scope: StageScope;
  /** Was WORKDIR given in this stage or one below it? */
  workdirSet: boolean;
  /** Does the config have a SHELL, the base image's or one of the file's? */
  hasShell: boolean;
  /** Are all variables known, those of the base image too? */
  isKnown: boolean;
}

export interface StageCheckOptions {
  ignore: IgnoreMatcher | undefined;
  warnings: WarningList;
}

/** Goes through the instructions; `state` is then that of the stage's end. DockerfileError where one can't be expanded. */
export function checkStage(
  instructions: readonly StageInstruction[],
  state: StageState,
  options: StageCheckOptions,
): void {
  const earlier = new Map<string, StageInstruction>();
  for (const instruction of instructions) {
    checkOnce(instruction, earlier, options.warnings);
    const expanded = state.scope.evaluate(instruction);
    if (expanded.kind === 'run') state.scope.mountsOf(expanded);
    checkInstruction(expanded, state, options);
  }
  reportUnset(state, options.warnings);
}

/** Only the last CMD, ENTRYPOINT and HEALTHCHECK counts; the one before it is where the warning stands. */
function checkOnce(
  instruction: StageInstruction,
  earlier: Map<string, StageInstruction>,
  warnings: WarningList,
): void {
  if (!['cmd', 'entrypoint', 'healthcheck'].includes(instruction.kind)) return;
  const before = earlier.get(instruction.kind);
  earlier.set(instruction.kind, instruction);
  if (before === undefined) return;
  const message = `Multiple ${instruction.keyword} instructions should not be used in the same stage because only the last one will be used`;
  warnings.add('MultipleInstructionsDisallowed', message, before);
}

function checkInstruction(
  instruction: StageInstruction,
  state: StageState,
  options: StageCheckOptions,
): void {
  const { warnings } = options;
  switch (instruction.kind) {
    case 'env':
      for (const { key } of instruction.variables) checkSecret('ENV', key, instruction, warnings);
      if (instruction.legacy) reportLegacy(instruction, warnings);
      return;
    case 'label':
      if (instruction.legacy) reportLegacy(instruction, warnings);
      return;
    case 'arg':
      for (const { name } of instruction.args) checkSecret('ARG', name, instruction, warnings);
      return;
    case 'cmd':
    case 'entrypoint':
      if (instruction.command.form === 'shell' && !state.hasShell) reportShellForm(instruction, warnings);
      return;
    case 'shell':
      state.hasShell = true;
      return;
    case 'workdir':
      if (!state.workdirSet && !instruction.path.startsWith('/')) reportRelative(instruction, warnings);
      state.workdirSet = true;
      return;
    case 'expose':
      for (const port of instruction.ports) checkPort(port, instruction, warnings);
      return;
    case 'copy':
    case 'add':
      checkSources(instruction, options);
      return;
    case 'run':
    case 'healthcheck':
    case 'maintainer':
    case 'onbuild':
    case 'stopsignal':
    case 'user':
    case 'volume':
      return;
  }
}

const secretWords = /(?:_|^)(?:apikey|auth|credentials?|key|password|pword|passwd|secret|token)(?:_|$)/i;
const harmlessWords = /(?:_|^)(?:public|file|version)(?:_|$)/i;

function checkSecret(kind: string, name: string, at: StageInstruction, warnings: WarningList): void {
  if (!secretWords.test(name) || harmlessWords.test(name)) return;
  const message = `Do not use ARG or ENV instructions for sensitive data (${kind} ${quoted(name)})`;
  warnings.add('SecretsUsedInArgOrEnv', message, at);
}

function reportLegacy(at: StageInstruction, warnings: WarningList): void {
  const message = `"${at.keyword} key=value" should be used instead of legacy "${at.keyword} key value" format`;
  warnings.add('LegacyKeyValueFormat', message, at);
}

function reportShellForm(at: StageInstruction, warnings: WarningList): void {
  const message = `JSON arguments recommended for ${at.keyword} to prevent unintended behavior related to OS signals`;
  warnings.add('JSONArgsRecommended', message, at);
}

function reportRelative(at: Extract<StageInstruction, { kind: 'workdir' }>, warnings: WarningList): void {
  const message = `Relative workdir ${quoted(at.path)} can have unexpected results if the base image changes`;
  warnings.add('WorkdirRelativePath', message, at);
}

function checkPort(text: string, at: StageInstruction, warnings: WarningList): void {
  const { oddCase, hasHost } = parsePort(text);
  if (oddCase) {
    const message = `Defined protocol '${text}' in EXPOSE instruction should be lowercase`;
    warnings.add('ExposeProtoCasing', message, at);
  }
  if (hasHost) {
    const message = `EXPOSE instruction should not define an IP address or host-port mapping, found '${text}'`;
    warnings.add('ExposeInvalidFormat', message, at);
  }
}

/** With `!` rules nothing is said: what is below an ignored folder may be there all the same. */
function checkSources(at: CopyInstruction | AddInstruction, { ignore, warnings }: StageCheckOptions): void {
  if (ignore === undefined || ignore.hasExceptions || (at.kind === 'copy' && at.from !== undefined)) return;
  for (const source of at.sources) {
    if (kindOfSource(source) !== 'local') continue;
    const path = cleanPath(source).replace(/^\/(?=.)/, '');
    if (!ignore.ignores(path)) continue;
    const verb = at.kind === 'copy' ? 'Copy' : 'Add';
    const message = `Attempting to ${verb} file ${quoted(cleanPath(source))} that is excluded by .dockerignore`;
    warnings.add('CopyIgnoredFile', message, at);
  }
}

function reportUnset({ scope, isKnown }: StageState, warnings: WarningList): void {
  if (!isKnown) return;
  for (const { name, instruction, known } of scope.unset) {
    const near = didYouMean(suggestion(name, known), '$');
    warnings.add('UndefinedVar', `Usage of undefined variable '$${name}'${near}`, instruction);
  }
}
