/** `--restart-on-unhealthy`, Gantry's own: a container that its health check finds unhealthy is ended and started again. */
import { isEngineError } from '../errors/engine-error.ts';
import { parseSignal } from '../util/signals.ts';
import type { Container } from './container-table.ts';
import { defaultGraceSeconds, signalContainer } from './end-process.ts';
import type { Engine } from './engine.ts';
import type { ContainerRecord } from './model.ts';

const sigkill = 9;
/** What says the same to clients that don't know the option: Docker's command line, Compose. */
export const restartOnUnhealthyLabel = 'gantry.restart-on-unhealthy';

/** By its option, or by the label with the value `true`. */
export function wantsRestartOnUnhealthy({
  config,
  hostConfig,
}: Pick<ContainerRecord, 'config' | 'hostConfig'>): boolean {
  return hostConfig.restartOnUnhealthy === true || config.labels[restartOnUnhealthyLabel] === 'true';
}

/**
 * Stop signal, grace, KILL, as `stop` does; another run follows with the delay of a restart policy, whatever the policy itself is. Resolves when the process
 * was told to end.
 */
export async function endUnhealthy(engine: Engine, container: Container): Promise<void> {
  const { stopSignal = 'TERM', stopTimeout = defaultGraceSeconds } = container.record.config;
  const { process } = container;
  if (process === undefined || container.exitWanted) return;
  container.restartOnExit = true;
  const patience = stopTimeout < 0 ? undefined : setTimeout(kill, Math.min(stopTimeout * 1000, 2 ** 31 - 1));
  void process.exited.then(() => clearTimeout(patience)).catch(() => undefined);
  await signal(parseSignal(stopSignal));

  function kill(): void {
    signal(sigkill).catch((err: unknown) =>
      engine.log.error({ err, container: container.id }, 'could not kill an unhealthy container'),
    );
  }

  async function signal(number: number): Promise<void> {
    try {
      await signalContainer(engine, container, number, { wanted: false });
    } catch (error) {
      if (!isEngineError(error, 'conflict')) throw error;
    }
  }
}
