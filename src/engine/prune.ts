/** Removing all containers that have ended. */
import { isEngineError } from '../errors/engine-error.ts';
import type { Container } from './container-table.ts';
import type { Engine } from './engine.ts';
import { type Filters, filterValues, matchesLabelFilters, validateFilters } from './filters.ts';
import { removeContainer } from './remove.ts';
import { layerSize } from './sizes/sizes.ts';
import { isActive } from './state.ts';
import { nowInNanoseconds, parseTimeBound } from './time-bound.ts';

const known = new Set(['until', 'label', 'label!']);

export interface PrunedContainers {
  deleted: string[];
  /** Bytes. */
  spaceReclaimed: number;
}

/** EngineError `invalid-argument` for unknown filters. Containers that someone else starts or removes meanwhile are passed over. */
export async function pruneContainers(engine: Engine, filters: Filters): Promise<PrunedContainers> {
  validateFilters(filters, known);
  const [bound] = filterValues(filters, 'until');
  const until = parseTimeBound('until', bound) ?? nowInNanoseconds();
  const result: PrunedContainers = { deleted: [], spaceReclaimed: 0 };
  for (const container of engine.containers.list()) {
    if (isActive(container.state) || container.removing || container.record.hidden === true) continue;
    if (BigInt(Math.round(container.record.createdAt)) * 1_000_000n > until) continue;
    if (!matchesLabelFilters(filters, container.record.config.labels)) continue;
    await prune(engine, container, result);
  }
  engine.events.publish({
    type: 'container',
    action: 'prune',
    actorId: '',
    attributes: { reclaimed: String(result.spaceReclaimed) },
  });
  return result;
}

async function prune(engine: Engine, container: Container, result: PrunedContainers): Promise<void> {
  try {
    const size = await layerSize(engine, container.id);
    await removeContainer(engine, container.id, { force: false, volumes: false, link: false });
    result.deleted.push(container.id);
    result.spaceReclaimed += size;
  } catch (error) {
    if (!isEngineError(error, 'conflict') && !isEngineError(error, 'not-found')) throw error;
  }
}
