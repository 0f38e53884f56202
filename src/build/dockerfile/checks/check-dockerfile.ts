/** Runs all checks on a Dockerfile: what `docker build --check` shows, and what a build warns of. */
import { EngineError } from '../../../errors/engine-error.ts';
import { formatPlatform, normalizePlatform, type Platform } from '../../../oci/platform.ts';
import { quoted } from '../../../util/characters.ts';
import type { IgnoreMatcher } from '../../../util/patterns/ignore.ts';
import type { Dockerfile } from '../ast.ts';
import { DockerfileError, locating } from '../errors.ts';
import { type GlobalScopeOptions, globalScope } from '../global-scope.ts';
import type { PlannedStage, StagePlan } from '../stage-plan.ts';
import { StageScope } from '../stage-scope.ts';
import { resolveStages, type StageOptions } from '../stages.ts';
import { type CheckOptions, everyCheck, parseCheckOptions } from './check-directive.ts';
import { checkDefaults, checkFroms } from './from-checks.ts';
import { checkStage, type StageState } from './stage-checks.ts';
import { checkSyntax } from './syntax-checks.ts';
import { type CheckWarning, WarningList } from './warnings.ts';

/** What is known of a base image. */
export interface BaseFacts {
  /** `Env` of its config. */
  environment: readonly string[];
  /** Has its config a `Shell`? */
  hasShell: boolean;
  platform: Platform;
}

export interface CheckRunOptions extends Omit<GlobalScopeOptions, 'target'>, StageOptions {
  /** The image that the stage with this index stands on; undefined where nothing is known: UndefinedVar then says nothing. */
  baseOf?: (index: number) => BaseFacts | undefined;
  ignore?: IgnoreMatcher;
  /** In place of the file's own `# check=`. */
  options?: CheckOptions;
}

export interface CheckResult {
  /** In the order of the file. */
  warnings: readonly CheckWarning[];
  /** What the build would fail with: an error in the file, or warnings where `error=true`. */
  error: EngineError | undefined;
}

/** With a target, the stages that it needs; else all. DockerfileError for a `# check=` that can't be read. */
export function checkDockerfile(dockerfile: Dockerfile, options: CheckRunOptions): CheckResult {
  const checks = options.options ?? ownOptions(dockerfile);
  const warnings = new WarningList(checks);
  const error = runAll(dockerfile, options, warnings);
  const { all } = warnings;
  if (error !== undefined || !checks.error || all.length === 0) return { warnings: all, error };
  return { warnings: all, error: violation(all) };
}

function ownOptions(dockerfile: Dockerfile): CheckOptions {
  const { check, ranges } = dockerfile.directives;
  const range = ranges['check'];
  if (check === undefined || range === undefined) return everyCheck;
  return locating({ source: dockerfile, range, instruction: '# check' }, () => parseCheckOptions(check));
}

function runAll(
  dockerfile: Dockerfile,
  options: CheckRunOptions,
  warnings: WarningList,
): DockerfileError | undefined {
  checkSyntax(dockerfile, warnings);
  checkDefaults(dockerfile, options, warnings);
  try {
    const scope = globalScope(dockerfile, options);
    checkFroms(dockerfile, scope, warnings);
    const checkEvery = options.target === undefined;
    checkStages(resolveStages(dockerfile, scope, { ...options, checkEvery }), options, warnings);
  } catch (error) {
    if (!(error instanceof DockerfileError)) throw error;
    return error;
  }
  return undefined;
}

/** Every stage gets a state, for others may stand on it; only those asked for are checked. */
function checkStages(plan: StagePlan, options: CheckRunOptions, warnings: WarningList): void {
  const isChosen = (index: number): boolean => options.target === undefined || plan.needed.includes(index);
  const states: StageState[] = [];
  for (const planned of plan.stages) {
    const { index } = planned.stage;
    const facts = options.baseOf?.(index);
    const state = stateOf(planned, states, plan, facts);
    states.push(state);
    if (!isChosen(index)) continue;
    checkBasePlatform(planned, facts, options, warnings);
    checkStage(planned.instructions, state, { ignore: options.ignore, warnings });
  }
}

function stateOf(
  { base }: PlannedStage,
  states: readonly StageState[],
  plan: StagePlan,
  facts: BaseFacts | undefined,
): StageState {
  const below = base.kind === 'stage' ? states[base.index] : undefined;
  if (below !== undefined) return { ...below, scope: below.scope.child() };
  return {
    scope: StageScope.onImage(plan.scope, facts?.environment ?? []),
    workdirSet: false,
    hasShell: facts?.hasShell ?? false,
    isKnown: base.kind === 'scratch' || facts !== undefined,
  };
}

function checkBasePlatform(
  { base, stage, platform }: PlannedStage,
  facts: BaseFacts | undefined,
  { targetPlatform }: CheckRunOptions,
  warnings: WarningList,
): void {
  if (facts === undefined || base.kind !== 'image') return;
  const wanted = normalizePlatform(platform ?? targetPlatform);
  const actual = normalizePlatform(facts.platform);
  if (wanted.os === actual.os && wanted.architecture === actual.architecture) return;
  const message = `Base image ${base.reference} was pulled with platform ${quoted(formatPlatform(actual))}, expected ${quoted(formatPlatform(wanted))} for current build`;
  warnings.add('InvalidBaseImagePlatform', message, stage.from);
}

function violation(warnings: readonly CheckWarning[]): EngineError {
  const names = [...new Set(warnings.map((warning) => warning.rule))];
  return new EngineError('invalid-argument', `lint violation found for rules: ${names.join(', ')}`, {
    hint: 'mend what the checks found, or name the rules in # check=skip=RULE',
  });
}
