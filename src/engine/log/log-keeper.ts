/** What the daemon does with containers' logs while it runs: sends them elsewhere, compresses what was rotated. */

import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { EngineError, messageOf } from '../../errors/engine-error.ts';
import type { Undo } from '../../util/undo.ts';
import type { Container } from '../container-table.ts';
import type { DaemonConfig } from '../daemon-config.ts';
import { containerFiles } from '../paths.ts';
import { isActive } from '../state.ts';
import { LogCompressor } from './compressor.ts';
import { Forwarder } from './forwarder.ts';
import { remoteDriver } from './remote/driver.ts';
import type { LogSink, RemoteDriver } from './remote/sink.ts';
import type { SendDatagrams } from './remote/unix-datagrams.ts';
import { logFileSettings } from './target.ts';

export interface LogKeeperOptions {
  roots: Pick<DaemonConfig, 'dataRoot' | 'execRoot'>;
  sendDatagrams: SendDatagrams;
  log: Logger;
}

/** Milliseconds that a removal waits for a receiver: in all, and for one that takes nothing. */
const removalPatience = 10_000;
const stallPatience = 2000;

export class LogKeeper {
  readonly #options: LogKeeperOptions;
  readonly #forwarders = new Map<string, Forwarder>();
  /** Containers between the opening of their receiver and their start. */
  readonly #starting = new Set<string>();
  readonly #compressor: LogCompressor;
  #closed = false;

  constructor(options: LogKeeperOptions) {
    this.#options = options;
    this.#compressor = new LogCompressor((container, err) =>
      options.log.warn({ err, container: container.id }, 'could not compress the log of a container'),
    );
  }

  /**
   * Before a start. With `required` it fails where the log's receiver is not there, in Docker's words: EngineError `internal`. `undo` takes
   * it back.
   */
  async prepare(container: Container, required: boolean, undo: Undo): Promise<void> {
    const driver = this.#driverOf(container);
    if (driver === undefined) return;
    const sink = required && driver.neededAtStart ? await openOrFail(driver) : undefined;
    this.#starting.add(container.id);
    undo.add(() => this.#settled(container));
    const forwarder = this.#forwarders.get(container.id);
    if (forwarder === undefined) this.#forward(container, driver, sink);
    else sink?.close();
  }

  /** A container runs. */
  started(container: Container): void {
    this.#settled(container);
    this.resume(container);
  }

  /** Goes on with what is left to do for a container, whether it runs or not. */
  resume(container: Container): void {
    if (this.#closed || container.record.hostConfig.logConfig.type === 'none') return;
    const { path, settings } = this.#fileOf(container);
    if (settings.compress) this.#compressor.add({ container, path, maxFiles: settings.maxFiles });
    if (this.#forwarders.has(container.id) || !(isActive(container.state) || existsSync(path))) return;
    const driver = this.#driverOf(container);
    if (driver !== undefined) this.#forward(container, driver, undefined);
  }

  /** Before a container is removed: waits until its log is sent, where somebody takes it; then lets go of it. */
  async forget(container: Container): Promise<void> {
    const forwarder = this.#forwarders.get(container.id);
    forwarder?.wake();
    const began = Date.now();
    while (forwarder !== undefined && this.#forwarders.has(container.id)) {
      const waited = Date.now() - began;
      const stalled = Math.min(waited, forwarder.stalledMs) > stallPatience;
      if (forwarder.isFailing || stalled || waited > removalPatience || this.#closed) break;
      await Promise.race([forwarder.finished, sleep(100, undefined, { ref: false })]);
    }
    await Promise.all([forwarder?.stop(), this.#compressor.forget(container.id)]);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([
      this.#compressor.close(),
      ...[...this.#forwarders.values()].map((forwarder) => forwarder.stop()),
    ]);
  }

  #settled(container: Container): void {
    this.#starting.delete(container.id);
    this.#forwarders.get(container.id)?.wake();
  }

  #fileOf({ id, record }: Container): { path: string; settings: ReturnType<typeof logFileSettings> } {
    return {
      path: containerFiles(this.#options.roots, id).log,
      settings: logFileSettings(record.hostConfig.logConfig),
    };
  }

  #driverOf({ record }: Container): RemoteDriver | undefined {
    return remoteDriver(record, this.#options.sendDatagrams);
  }

  #forward(container: Container, driver: RemoteDriver, sink: LogSink | undefined): void {
    const { id } = container;
    const forwarder = new Forwarder(
      {
        path: this.#fileOf(container).path,
        driver,
        isOver: () => !this.#starting.has(id) && !isActive(container.state),
        warn: (message) => this.#options.log.warn({ container: id }, message),
      },
      sink,
    );
    this.#forwarders.set(id, forwarder);
    void forwarder.finished.then(() => {
      if (this.#forwarders.get(id) === forwarder) this.#forwarders.delete(id);
      /* Started again just when it was done. */
      if (isActive(container.state) && !container.removing) this.resume(container);
    });
  }
}

async function openOrFail(driver: RemoteDriver): Promise<LogSink> {
  try {
    return await driver.open();
  } catch (error) {
    throw new EngineError(
      'internal',
      `failed to create task for container: failed to initialize logging driver: ${messageOf(error)}`,
      {
        cause: error,
        hint:
          error instanceof EngineError && error.hint !== undefined
            ? error.hint
            : `start ${driver.description}, or choose another log driver`,
      },
    );
  }
}
