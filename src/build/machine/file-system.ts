/** A stage's file system, and what a step makes of it. */
import type { LayerStack } from './layer-stack.ts';

/** A stage's file system at some point, and what it is known by. */
export interface FileSystem {
  stack: LayerStack;
  /** A digest of everything that made it. */
  key: string;
}

export interface LayerResult extends FileSystem {
  /** Milliseconds since 1970. */
  createdAt: number;
}
