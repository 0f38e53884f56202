/** How the progress of a build is shown: chosen by `--progress`. */
import type { BuildLine } from '../../wire/build-session.ts';

export interface ProgressDisplay {
  take(line: BuildLine): void;
  /** Nothing more comes; what was drawn stays. */
  end(): void;
}

export interface DisplayOptions {
  /** Say why steps were not taken from the cache. */
  why: boolean;
}

/** Nothing at all. */
export const silentDisplay: ProgressDisplay = { take: () => undefined, end: () => undefined };
