/** What knows how much room things take. */
import type { ProjectQuotas } from '../../host/project-quotas.ts';
import type { TreeSizes } from './tree-sizes.ts';

export interface Sizes {
  /** What was counted. */
  trees: Pick<TreeSizes, 'size' | 'touch'>;
  /** What the file system counts itself. */
  quotas: Pick<ProjectQuotas, 'uses'>;
}
