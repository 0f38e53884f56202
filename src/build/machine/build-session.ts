/** What all steps of one build share. */
import type { Engine } from '../../engine/engine.ts';
import type { Slots } from '../../images/slots.ts';
import type { BuildRequest } from '../build-types.ts';
import type { BuiltStep, ImportedCache } from '../built-image.ts';
import type { CacheMounts } from '../cache/cache-mounts.ts';
import type { StepCache } from '../cache/step-cache.ts';
import type { Files } from '../files/files-types.ts';
import type { BuildNetworks } from '../run/build-networks.ts';
import type { BaseImages } from './base-images.ts';
import type { BuildContexts } from './build-contexts.ts';
import type { FailedSteps } from './failed-steps.ts';
import type { LayerResult } from './file-system.ts';
import type { LayerWorkshop } from './layer-stack.ts';
import type { Progress } from './progress.ts';

export interface BuildSession {
  engine: Engine;
  request: BuildRequest;
  progress: Progress;
  cache: StepCache;
  cacheMounts: CacheMounts;
  /** Steps that were built elsewhere; none without `cacheFrom`. */
  imported: ImportedCache | undefined;
  workshop: LayerWorkshop;
  networks: BuildNetworks;
  bases: BaseImages;
  contexts: BuildContexts;
  files: Files;
  /** Bounds how many processes run at once. */
  slots: Slots;
  /** Aborts when the build is cancelled, or one of its steps has failed. */
  signal: AbortSignal;
  /** Everything that was run or found, each after what it stands on. */
  steps: BuiltStep[];
  /** Their keys. */
  used: Set<string>;
  /** Layers that were begun, by their keys. */
  making: Map<string, Promise<LayerResult>>;
  /** Work that goes on beside the steps; the build ends after it. */
  background: Set<Promise<unknown>>;
  /** Keeps what a failed step had. */
  failedSteps: FailedSteps;
}
