/** What everything in this folder is done with. */
import type { GzipHelper } from '../../host/gzip-helper.ts';
import type { Launcher } from '../../host/launcher-types.ts';
import type { FilesPool } from './files-pool.ts';
import type { OpenTrees } from './open-trees.ts';

export interface FilesParts {
  launcher: Launcher;
  pool: FilesPool;
  trees: OpenTrees;
  /** Reads gzip; by zlib without it. */
  gzip: GzipHelper | undefined;
  maxExpansion: number;
}
