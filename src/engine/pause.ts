/** Freezing a container's processes and letting them go on. */
import { EngineError } from '../errors/engine-error.ts';
import type { Container } from './container-table.ts';
import { notRunning } from './end-process.ts';
import type { Engine } from './engine.ts';
import { publishContainerEvent } from './events.ts';
import { stopHealthChecks } from './exit.ts';
import { watchHealth } from './health-monitor.ts';
import { uncheckedHealth } from './health-state.ts';
import { runtimeProgram } from './runtimes.ts';

/** Durable when it resolves. EngineError `conflict` where it doesn't run, or is paused already. */
export async function pauseContainer(engine: Engine, ref: string): Promise<void> {
  const container = engine.containers.resolve(ref);
  await container.lock.run(async () => {
    checkPausable(container);
    const program = runtimeProgram(engine.config, engine.host, container.record.hostConfig.runtime);
    await engine.runtime.pause(container.id, program);
    const { state } = container;
    /* It may have ended meanwhile. */
    if (state.status !== 'running') throw notRunning(container);
    stopHealthChecks(container);
    const { health } = container.record;
    const unchecked = health === undefined ? {} : { health: uncheckedHealth(health) };
    engine.containers.setState(container, { ...state, status: 'paused' }, unchecked);
    publishContainerEvent(engine.events, container.record, 'pause');
  });
}

function checkPausable(container: Container): void {
  const { id, state } = container;
  if (state.status === 'paused') throw new EngineError('conflict', `container ${id} is already paused`);
  if (state.status === 'restarting') {
    throw new EngineError('conflict', `container ${id} is restarting, wait until the container is running`);
  }
  if (state.status !== 'running') throw notRunning(container);
}

/** Durable when it resolves. EngineError `conflict` where it isn't paused. */
export async function unpauseContainer(engine: Engine, ref: string): Promise<void> {
  const container = engine.containers.resolve(ref);
  await container.lock.run(async () => {
    if (container.state.status !== 'paused') {
      throw new EngineError('conflict', `container ${container.id} is not paused`);
    }
    const program = runtimeProgram(engine.config, engine.host, container.record.hostConfig.runtime);
    await engine.runtime.resume(container.id, program);
    const { state } = container;
    if (state.status !== 'paused') return;
    engine.containers.setState(container, { ...state, status: 'running' });
    watchHealth(engine, container);
    publishContainerEvent(engine.events, container.record, 'unpause');
  });
}
