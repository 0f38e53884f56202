/**
 * From the stages of a Dockerfile to what a build must do: what each is made from, which others it reads, and which of
 * them the target needs.
 */
import { messageOf } from '../../errors/engine-error.ts';
import { type Platform, parsePlatform } from '../../oci/platform.ts';
import { parseReference } from '../../oci/reference.ts';
import { quoted } from '../../util/characters.ts';
import type { Dockerfile, Stage, StageInstruction } from './ast.ts';
import { DockerfileError } from './errors.ts';
import { expandInFrom, type GlobalScope } from './global-scope.ts';
import { parseTrigger } from './parse.ts';
import { checkCycles, checkOrder, neededStages } from './stage-graph.ts';
import type { PlannedStage, StagePlan } from './stage-plan.ts';
import { type Source, type StageNames, sourceNamed, sourcesOf } from './stage-sources.ts';
import { didYouMean, suggestion } from './suggest.ts';

export interface StageOptions {
  /** A stage's name or index; the last stage without one. */
  target?: string | undefined;
  /** Is there a named context (`--build-context`) of this name? */
  hasContext?: (name: string) => boolean;
  /** Is the order of stages looked at even where the target needs them not? */
  checkEvery?: boolean;
}

/** DockerfileError for a stage that is not there, comes later, or needs itself, and for a base that is no image name. */
export function resolveStages(
  dockerfile: Dockerfile,
  scope: GlobalScope,
  options: StageOptions = {},
): StagePlan {
  const hasContext = options.hasContext ?? (() => false);
  const names: StageNames = { stages: dockerfile.stages, hasContext };
  const stages = dockerfile.stages.map((stage) => planStage(dockerfile, scope, names, stage));
  for (const planned of stages) {
    if (planned.base.kind !== 'stage') continue;
    const below = dockerfile.stages[planned.base.index];
    const triggers = below?.instructions.flatMap((one) => (one.kind === 'onbuild' ? one.trigger : []));
    if (triggers !== undefined && triggers.length > 0)
      addTriggers(stages, planned, triggers, { dockerfile, names });
  }
  const target = targetOf(dockerfile, options.target);
  return finish({ dockerfile, scope, stages, target }, options);
}

/**
 * The plan with what ONBUILD of a base image adds to the stage `index`: call it once, when the image's config is known. New
 * sources may make more stages needed. DockerfileError at FROM.
 */
export function withTriggers(
  plan: StagePlan,
  index: number,
  triggers: readonly string[],
  options: StageOptions = {},
): StagePlan {
  const planned = plan.stages[index];
  if (planned === undefined || triggers.length === 0) return plan;
  const names = { stages: plan.dockerfile.stages, hasContext: options.hasContext ?? (() => false) };
  const stages = [...plan.stages];
  addTriggers(stages, planned, triggers, { dockerfile: plan.dockerfile, names });
  return finish({ ...plan, stages }, options);
}

function finish(plan: Omit<StagePlan, 'needed'>, { checkEvery }: StageOptions): StagePlan {
  checkCycles(plan);
  const needed = neededStages(plan);
  checkOrder(plan, checkEvery === true ? plan.stages.keys() : needed);
  return { ...plan, needed };
}

function planStage(
  dockerfile: Dockerfile,
  scope: GlobalScope,
  names: StageNames,
  stage: Stage,
): PlannedStage {
  const label = stage.name ?? `stage-${stage.index}`;
  const common = { stage, label, triggers: [] };
  const platform = platformOf(scope, stage);
  if (stage.name !== undefined && !isReserved(stage.name) && names.hasContext(stage.name)) {
    const base: Source = { kind: 'context', name: stage.name };
    return { ...common, base, platform, instructions: [], sources: new Map() };
  }
  const sources = new Map(
    stage.instructions.flatMap((instruction) => {
      const found = sourcesOf(instruction, stage, names, dockerfile);
      return found.length === 0 ? [] : [[instruction, found] as const];
    }),
  );
  const base = baseOf(scope, names, stage);
  return { ...common, base, platform, instructions: stage.instructions, sources };
}

function isReserved(name: string): boolean {
  return name === 'scratch' || name === 'context';
}

function baseOf(scope: GlobalScope, names: StageNames, stage: Stage): Source {
  const { image, range } = stage.from;
  const name = expandInFrom(scope, image, range).text;
  const fail = (message: string, hint: string): DockerfileError =>
    new DockerfileError(message, { source: scope.source, range, instruction: 'FROM' }, hint);
  if (name === '') {
    throw fail(
      `base name (${image}) should not be blank`,
      'give the ARG a default, or pass it with --build-arg',
    );
  }
  const source = sourceNamed(name, stage.index, names);
  if (source.kind !== 'image') return source;
  try {
    parseReference(name);
  } catch (error) {
    throw fail(
      `failed to parse stage name ${quoted(name)}: ${messageOf(error)}`,
      'write the name of an image or of a stage above',
    );
  }
  return source;
}

function platformOf(scope: GlobalScope, { from }: Stage): Platform | undefined {
  if (from.platform === undefined || from.platform === '') return undefined;
  const place = { source: scope.source, range: from.range, instruction: 'FROM' };
  const expanded = expandInFrom(scope, from.platform, from.range);
  const [unset] = expanded.unmatched;
  const near = unset === undefined ? '' : didYouMean(suggestion(unset, scope.values.keys()));
  const hint = 'write --platform=OS/ARCH, or a variable such as $BUILDPLATFORM';
  if (expanded.text === '')
    throw new DockerfileError(`empty platform value from expression ${from.platform}${near}`, place, hint);
  try {
    return parsePlatform(expanded.text);
  } catch (error) {
    throw new DockerfileError(
      `failed to parse platform ${from.platform}: ${messageOf(error)}${near}`,
      place,
      hint,
    );
  }
}

function targetOf(dockerfile: Dockerfile, target: string | undefined): number {
  const { stages } = dockerfile;
  if (target === undefined || target === '') return stages.length - 1;
  const byName = stages.findLastIndex((stage) => stage.name === target.toLowerCase());
  if (byName !== -1) return byName;
  if (/^[0-9]+$/.test(target) && Number(target) < stages.length) return Number(target);
  const names = stageNames(stages);
  throw new DockerfileError(
    `target stage ${quoted(target)} could not be found${didYouMean(suggestion(target, names))}`,
    { source: dockerfile },
    names.length === 0 ? 'name a stage: FROM IMAGE AS NAME' : `the stages are ${names.join(', ')}`,
  );
}

function stageNames(stages: readonly Stage[]): string[] {
  return stages.flatMap((stage) => stage.name ?? []);
}

function addTriggers(
  stages: PlannedStage[],
  planned: PlannedStage,
  triggers: readonly string[],
  { dockerfile, names }: { dockerfile: Dockerfile; names: StageNames },
): void {
  const { stage } = planned;
  const place = { source: dockerfile, range: stage.from.range, instruction: 'FROM' };
  const parsed = triggers.map((trigger) => readTrigger(trigger, stage, place));
  const sources = new Map(planned.sources);
  for (const instruction of parsed) {
    const found = sourcesOf(instruction, stage, names, dockerfile);
    if (found.length > 0) sources.set(instruction, found);
  }
  stages[stage.index] = {
    ...planned,
    triggers: [...parsed, ...planned.triggers],
    instructions: [...parsed, ...planned.instructions],
    sources,
  };
}

function readTrigger(
  trigger: string,
  stage: Stage,
  place: ConstructorParameters<typeof DockerfileError>[1],
): StageInstruction {
  try {
    return { ...parseTrigger(trigger, `ONBUILD of ${stage.from.image}`), range: stage.from.range };
  } catch (error) {
    if (!(error instanceof DockerfileError)) throw error;
    throw new DockerfileError(`ONBUILD ${trigger}: ${error.message}`, place, error.hint);
  }
}
