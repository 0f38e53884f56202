/** A build's stages with what each is made from: the result of `stages.ts: resolveStages`. */
import type { Platform } from '../../oci/platform.ts';
import type { Dockerfile, Stage, StageInstruction } from './ast.ts';
import type { GlobalScope } from './global-scope.ts';
import type { Source } from './stage-sources.ts';

export interface PlannedStage {
  stage: Stage;
  /** The name, or `stage-N` without one: what progress and errors call it. */
  label: string;
  /** Where FROM begins. */
  base: Source;
  /** Of an image or context, where FROM names one; a stage on a stage has that one's. */
  platform: Platform | undefined;
  /** What ONBUILD of the base adds before the instructions; their place is that of FROM. */
  triggers: readonly StageInstruction[];
  /** The triggers, then the stage's own. Empty where a named context stands in for the stage. */
  instructions: readonly StageInstruction[];
  /** Of COPY --from (one) and RUN --mount (one for each mount, undefined without `from`). */
  sources: ReadonlyMap<StageInstruction, ReadonlyArray<Source | undefined>>;
}

export interface StagePlan {
  dockerfile: Dockerfile;
  scope: GlobalScope;
  stages: readonly PlannedStage[];
  /** The index of the stage to build. */
  target: number;
  /** The indexes of the target and all it needs, ascending: an order in which they can be built. */
  needed: readonly number[];
}
