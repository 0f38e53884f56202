/** Removes what a container has logged so far, whether it runs or not. */
import { rm } from 'node:fs/promises';
import { EngineError, isEngineError } from '../errors/engine-error.ts';
import type { Container } from './container-table.ts';
import type { Engine } from './engine.ts';
import { isReadable } from './log/drivers.ts';
import { logFileSettings } from './log/target.ts';
import { containerFiles } from './paths.ts';

/**
 * While it runs its shim does it, between two lines: none that comes later is lost. Lines that are on their way to a log elsewhere are sent nevertheless
 * as far as they were read. EngineError `not-found`, `not-implemented` where there is no log.
 */
export async function clearLogs(engine: Engine, ref: string): Promise<void> {
  const container = engine.containers.resolve(ref);
  if (!isReadable(container.record.hostConfig.logConfig)) {
    throw new EngineError('not-implemented', 'configured logging driver does not support reading', {
      hint: 'run the container with --log-driver json-file',
    });
  }
  if (await clearRunning(container)) return;
  await container.lock.run(async () => {
    if (!(await clearRunning(container))) await removeFiles(engine, container);
  });
}

/** False where it has no shim (any more). */
async function clearRunning({ process }: Container): Promise<boolean> {
  try {
    await process?.clearLog();
    return process !== undefined;
  } catch (error) {
    if (isEngineError(error, 'not-found')) return false;
    throw error;
  }
}

async function removeFiles(engine: Engine, { id, record }: Container): Promise<void> {
  const { log } = containerFiles(engine.config, id);
  const { maxFiles } = logFileSettings(record.hostConfig.logConfig);
  await rm(log, { force: true });
  for (let number = 1; number < maxFiles; number += 1) {
    await Promise.all(['', '.gz'].map((ending) => rm(`${log}.${number}${ending}`, { force: true })));
  }
}
