/** A stage as it is after one of its instructions. */
import type { StageInstruction } from '../dockerfile/ast.ts';
import type { SourceText } from '../dockerfile/errors.ts';
import type { PlannedStage } from '../dockerfile/stage-plan.ts';
import type { StageScope } from '../dockerfile/stage-scope.ts';
import type { Source } from '../dockerfile/stage-sources.ts';
import type { FileSystem } from './file-system.ts';
import type { ImageState } from './image-state.ts';
import type { VertexInput } from './progress.ts';
import type { StepFiles } from './step-files.ts';

export interface StageResult extends FileSystem {
  image: ImageState;
  scope: StageScope;
  /** Layers that came with the base image, and its ID. */
  baseLayers: number;
  baseImageId: string | undefined;
  /** Keys of the steps that it is made of. */
  keys: readonly string[];
}

/** What instructions ask of the stages around them. */
export interface StageFiles {
  /** The Dockerfile. */
  readonly source: SourceText;
  /** What COPY or a mount reads a source from; the build context without one. It stays until the build ends. */
  filesOf(source: Source | undefined): Promise<StepFiles>;
}

export interface InstructionStep {
  runner: StageFiles;
  planned: PlannedStage;
  /** As written. */
  instruction: StageInstruction;
  state: StageResult;
  name: VertexInput;
  uncached: string | undefined;
}
