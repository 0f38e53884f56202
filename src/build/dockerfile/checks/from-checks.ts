/** The checks of FROM: its arguments and its platform. */
import { EngineError } from '../../../errors/engine-error.ts';
import { parsePlatform } from '../../../oci/platform.ts';
import { parseReference } from '../../../oci/reference.ts';
import { quoted } from '../../../util/characters.ts';
import type { Dockerfile, FromInstruction } from '../ast.ts';
import { expandInFrom, type GlobalScope, globalScope } from '../global-scope.ts';
import type { BuildTarget } from '../predefined-args.ts';
import { didYouMean, suggestion } from '../suggest.ts';
import type { Expansion } from '../words.ts';
import type { WarningList } from './warnings.ts';

export function checkFroms(dockerfile: Dockerfile, scope: GlobalScope, warnings: WarningList): void {
  for (const { from } of dockerfile.stages) {
    reportUndeclared(from, expandInFrom(scope, from.image, from.range), scope, warnings);
    if (from.platform === undefined || from.platform === '') continue;
    const platform = expandInFrom(scope, from.platform, from.range);
    reportUndeclared(from, platform, scope, warnings);
    checkPlatform(from, platform, scope, warnings);
  }
}

function reportUndeclared(
  from: FromInstruction,
  { unmatched }: Expansion,
  scope: GlobalScope,
  warnings: WarningList,
): void {
  for (const name of unmatched) {
    if (scope.declared.has(name)) continue;
    const near = didYouMean(suggestion(name, scope.declared));
    warnings.add('UndefinedArgInFrom', `FROM argument '${name}' is not declared${near}`, from);
  }
}

function checkPlatform(
  from: FromInstruction,
  { text, matched, unmatched }: Expansion,
  scope: GlobalScope,
  warnings: WarningList,
): void {
  if (matched.size === 1 && unmatched.size === 0 && matched.has('TARGETPLATFORM')) {
    if (text !== scope.values.get('TARGETPLATFORM')) return;
    const message = `Setting platform to predefined ${from.platform} in FROM is redundant as this is the default behavior`;
    warnings.add('RedundantTargetPlatform', message, from);
  }
  if (matched.size > 0 || unmatched.size > 0 || isNamedAfter(from, text)) return;
  const message = `FROM --platform flag should not use constant value ${quoted(text)}`;
  warnings.add('FromPlatformFlagConstDisallowed', message, from);
}

/** A stage called `build-arm64` has its platform on purpose; and what is no platform fails elsewhere. */
function isNamedAfter({ name }: FromInstruction, text: string): boolean {
  try {
    const { os, architecture } = parsePlatform(text);
    return name !== undefined && (name.includes(os) || name.includes(architecture));
  } catch {
    return true;
  }
}

/** Would the build go without any `--build-arg`? */
export function checkDefaults(dockerfile: Dockerfile, target: BuildTarget, warnings: WarningList): void {
  const { buildPlatform, targetPlatform } = target;
  for (const { from } of dockerfile.stages) {
    const name = quietly(() => {
      const scope = globalScope(dockerfile, { buildPlatform, targetPlatform });
      return expandInFrom(scope, from.image, from.range).text;
    });
    // What can't be expanded fails elsewhere, with its own message.
    if (name === undefined || quietly(() => parseReference(name)) !== undefined) continue;
    const message = `Default value for ARG ${from.image} results in empty or invalid base image name`;
    warnings.add('InvalidDefaultArgInFrom', message, from);
  }
}

function quietly<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof EngineError) return undefined;
    throw error;
  }
}
