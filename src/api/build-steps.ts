/** The steps of a Dockerfile as Docker's classic builder counts and prints them. */
import type { Dockerfile, StageInstruction } from '../build/dockerfile/ast.ts';
import type { StagePlan } from '../build/dockerfile/stage-plan.ts';

export interface ClassicStep {
  /** `FROM busybox AS base`, on one line. */
  text: string;
  /** Index of the stage; -1 for ARG before the first FROM. */
  stage: number;
  /** First and last line, 1-based. */
  lines: readonly [number, number];
  /** Runs or copies: the builder tells when it begins and ends. */
  isWork: boolean;
  /** Of a stage that the target does not need. */
  isSkipped: boolean;
}

/** All up to the end of the target's stage, as classic builds count; steps of stages that are not needed are marked. */
export function classicSteps(dockerfile: Dockerfile, plan: StagePlan): ClassicStep[] {
  const needed = new Set(plan.needed);
  const stages = dockerfile.stages.slice(0, plan.target + 1);
  const globals = dockerfile.globalArgs.map((node) => stepOf(node, -1, false, false));
  const rest = stages.flatMap((stage) => {
    const isSkipped = !needed.has(stage.index);
    const own = stage.instructions.map((node) => stepOf(node, stage.index, isWork(node), isSkipped));
    return [stepOf(stage.from, stage.index, true, isSkipped), ...own];
  });
  return [...globals, ...rest];
}

function isWork({ kind }: StageInstruction): boolean {
  return kind === 'run' || kind === 'copy' || kind === 'add' || kind === 'workdir';
}

function stepOf(
  { text, range }: Pick<StageInstruction, 'text' | 'range'>,
  stage: number,
  works: boolean,
  isSkipped: boolean,
): ClassicStep {
  return { text, stage, lines: [range.start.line, range.end.line], isWork: works, isSkipped };
}
