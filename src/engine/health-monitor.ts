/** Health checks of containers that run, one after the other, from a run's start to its end; none while it is paused. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Container } from './container-table.ts';
import type { Engine } from './engine.ts';
import { publishContainerEvent } from './events.ts';
import { runProbe } from './health-probe.ts';
import { endUnhealthy, wantsRestartOnUnhealthy } from './health-restart.ts';
import { type Healthcheck, healthAfter, healthcheckOf, nextCheckMs, startingHealth } from './health-state.ts';
import type { ContainerHealth } from './model.ts';

/** Longest delay of a timer (setTimeout takes 31 bits). */
const longestDelay = 2 ** 31 - 1;

/** The health that a run begins with; undefined for a container without a health check. */
export function healthAtStart(container: Container): ContainerHealth | undefined {
  const { config, health } = container.record;
  return healthcheckOf(config) === undefined ? undefined : startingHealth(health);
}

/** Begins to check a container that runs, or goes on with it (after a pause, in a new daemon). Returns at once. */
export function watchHealth(engine: Engine, container: Container): void {
  const check = healthcheckOf(container.record.config);
  container.healthMonitor?.abort();
  if (check === undefined) return;
  const monitor = new AbortController();
  container.healthMonitor = monitor;
  checkForEver(engine, container, check, monitor.signal).catch((err: unknown) => {
    if (!monitor.signal.aborted)
      engine.log.error({ err, container: container.id }, 'could not go on with health checks');
  });
}

/** Rejects when `signal` aborts while it waits. */
async function checkForEver(
  engine: Engine,
  container: Container,
  check: Healthcheck,
  signal: AbortSignal,
): Promise<void> {
  const { state } = container;
  const startedAt = 'startedAt' in state ? (state.startedAt ?? 0) : 0;
  while (!signal.aborted) {
    const health = container.record.health ?? startingHealth(undefined);
    const delay = nextCheckMs(check, health, Date.now() - startedAt);
    await sleep(Math.min(delay, longestDelay), undefined, { signal });
    const result = await runProbe(engine, container, check, signal);
    if (signal.aborted || container.state.status !== 'running') return;
    note(engine, container, healthAfter(health, result, check, startedAt));
  }
}

/** On disk before the next durable change: a crash of the daemon loses nothing, one of the host ends the run anyway. */
function note(engine: Engine, container: Container, health: ContainerHealth): void {
  const before = container.record.health?.status;
  engine.database.transaction(() => engine.containers.update(container, { health }), false);
  if (health.status === before) return;
  publishContainerEvent(engine.events, container.record, `health_status: ${health.status}`);
  if (health.status === 'unhealthy' && wantsRestartOnUnhealthy(container.record))
    endUnhealthy(engine, container).catch((err: unknown) =>
      engine.log.error({ err, container: container.id }, 'could not restart an unhealthy container'),
    );
}
