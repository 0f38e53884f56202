/** What steps are called: `[builder 2/5] RUN make`, as Docker's builder does. */
import { formatPlatform, type Platform } from '../../oci/platform.ts';
import { canonicalReference, parseReference, withDefaultTag } from '../../oci/reference.ts';
import type { StageInstruction } from '../dockerfile/ast.ts';
import type { PlannedStage, StagePlan } from '../dockerfile/stage-plan.ts';
import type { VertexInput } from './progress.ts';

const counted = new Set(['run', 'copy', 'add', 'workdir']);

export interface StageNames {
  from(reference: string): VertexInput;
  context(name: string): VertexInput;
  /** Call it once for each instruction, in order. */
  next(instruction: StageInstruction): VertexInput;
}

export class StepNames {
  readonly #plan: Pick<StagePlan, 'stages'>;
  /** Where several are built. */
  readonly #platform: Platform | undefined;

  constructor(plan: Pick<StagePlan, 'stages'>, platform: Platform | undefined) {
    this.#plan = plan;
    this.#platform = platform;
  }

  ofStage({ stage, instructions }: PlannedStage): StageNames {
    const total = 1 + instructions.filter(({ kind }) => counted.has(kind)).length;
    const isNamed = stage.name !== undefined || this.#plan.stages.length > 1;
    const words = [
      ...(this.#platform === undefined ? [] : [formatPlatform(this.#platform)]),
      ...(isNamed ? [stage.name ?? `stage-${stage.index}`] : []),
    ];
    const width = 1 + Math.floor(Math.log10(total));
    const prefix = (index: number): string =>
      `[${[...words, `${String(index).padStart(width)}/${total}`].join(' ')}]`;
    const identity = (index: number): string =>
      `${this.#platform === undefined ? '' : formatPlatform(this.#platform)} ${stage.index} ${index}`;
    let index = 1;
    let position = 0;
    const begin = (name: string): VertexInput => ({
      name: `${prefix(1)} FROM ${name}`,
      identity: identity(0),
      lines: [stage.from.range.start.line, stage.from.range.end.line],
    });
    return {
      from: (reference) => begin(canonicalReference(withDefaultTag(parseReference(reference)))),
      context: begin,
      next: (instruction) => {
        position += 1;
        if (counted.has(instruction.kind)) index += 1;
        return {
          name: `${prefix(index)} ${instruction.text}`,
          identity: identity(position),
          lines: [instruction.range.start.line, instruction.range.end.line],
        };
      },
    };
  }
}
