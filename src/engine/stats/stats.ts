/** What a container uses: once, or every second for as long as it is there. */

import { EngineError } from '../../errors/engine-error.ts';
import type { Container } from '../container-table.ts';
import type { Engine } from '../engine.ts';
import { isActive } from '../state.ts';
import { StatsSampler, takeSample } from './sampler.ts';
import type { StatsReport } from './stats-report.ts';

export interface StatsRequest {
  stream: boolean;
  /** One sample at once, with none before it. */
  oneShot: boolean;
}

/** One for each container that somebody watches. */
const samplers = new WeakMap<Container, StatsSampler>();

/**
 * Reports every second, of which a reader that lags misses some; ends when the container is removed or `signal` aborts. Without `stream` there is one. EngineErrors:
 * `not-found`, `invalid-argument` where both are asked for.
 */
export function containerStats(
  engine: Engine,
  ref: string,
  request: StatsRequest,
  signal: AbortSignal,
): AsyncIterable<StatsReport> {
  const container = engine.containers.resolve(ref);
  if (request.stream && request.oneShot)
    throw new EngineError('invalid-argument', 'cannot have stream=true and one-shot=true');
  if (request.stream) return watch(engine, container, signal);
  return once(engine, container, request.oneShot, signal);
}

async function* once(
  engine: Engine,
  container: Container,
  oneShot: boolean,
  signal: AbortSignal,
): AsyncGenerator<StatsReport> {
  if (oneShot || !isActive(container.state)) {
    const sample = await takeSample(engine, container);
    yield { id: container.id, name: container.name, sample, previous: undefined };
    return;
  }
  // A share of the processors needs two samples.
  let isSecond = false;
  for await (const report of watch(engine, container, signal)) {
    if (isSecond) yield report;
    if (isSecond) return;
    isSecond = true;
  }
}

async function* watch(
  engine: Engine,
  container: Container,
  signal: AbortSignal,
): AsyncGenerator<StatsReport> {
  const sampler = samplers.get(container) ?? new StatsSampler(engine, container);
  samplers.set(container, sampler);
  const leave = sampler.enter();
  const gone = new AbortController();
  void container.removals.wait(AbortSignal.any([signal, gone.signal])).then(
    () => gone.abort(),
    () => undefined,
  );
  const ends = AbortSignal.any([signal, engine.closing, gone.signal]);
  try {
    while (!ends.aborted) {
      const report = await sampler.next(ends);
      if (report === undefined) return;
      yield report;
    }
  } finally {
    leave();
    gone.abort();
  }
}
