/** What instructions read files from. */
import type { FileTree } from '../files/files-types.ts';

export interface StepFiles {
  tree: FileTree;
  /** Patterns of what is no part of it. */
  ignore: readonly string[];
}
