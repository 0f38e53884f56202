/** `GET /containers/json`. */
import { listContainers } from '../engine/list.ts';
import type { ContainerSummary } from '../wire/container.ts';
import type { Call } from './call.ts';
import { encodeSummary } from './container-encode.ts';

export async function getContainers(call: Call): Promise<ContainerSummary[]> {
  const limit = call.query.integer('limit') ?? 0;
  const summaries = await listContainers(call.engine, {
    all: call.query.boolean('all'),
    size: call.query.boolean('size'),
    filters: call.query.filters(),
    limit: Math.max(limit, 0),
  });
  return summaries.map(encodeSummary);
}
