/** What the cache remembers of one step: by its key, beside the layers that the image store holds under the same key. */
import { EngineError } from '../../errors/engine-error.ts';

export interface StepRecord {
  /** What its user sees: the instruction. */
  description: string;
  /** Milliseconds since 1970. */
  createdAt: number;
  lastUsedAt: number;
  usageCount: number;
  /** Key of the step below, where there is one. */
  parent: string | undefined;
  /** Chain ID of the whole file system below; '' for nothing. */
  below: string;
  /** Bytes of the step's own layer. */
  size: number;
  /** As `partDigests` has them. */
  parts: Record<string, string>;
}

/** Written by this program: what matters is that it is whole. */
export function parseStepRecord(value: unknown): StepRecord {
  if (typeof value === 'object' && value !== null && 'description' in value && 'below' in value)
    return value as StepRecord;
  throw new EngineError('data-loss', 'the database holds a damaged record of the build cache', {
    hint: 'remove the build cache: builder prune --all',
  });
}
