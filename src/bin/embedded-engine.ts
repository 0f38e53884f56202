/** Puts engine and API together without listeners, and takes them apart again so that nothing is left of them. */
import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Logger, pino } from 'pino';
import { type ApiServer, createApiServer } from '../api/server.ts';
import type { Builder } from '../build/build-types.ts';
import { createBuilder } from '../build/create-builder.ts';
import { ApiClient } from '../client/api-client.ts';
import { Client, libraryAgent } from '../client/client.ts';
import { closeEngine, createEngine } from '../engine/create-engine.ts';
import type { DaemonConfig } from '../engine/daemon-config.ts';
import type { Engine } from '../engine/engine.ts';
import { engineVersion } from '../engine/engine-version.ts';
import { isActive } from '../engine/state.ts';
import { stopContainer } from '../engine/stop.ts';
import { EngineError, isEngineError } from '../errors/engine-error.ts';
import { readHostFacts } from '../host/facts.ts';
import { preflight } from '../host/preflight.ts';
import { PairedStream } from '../util/duplex-pair.ts';
import { lockDataRoot } from './daemon-pidfile.ts';
import { claimExecRoot, removeExecRoot, temporaryDataRoot } from './embedded-roots.ts';
import { embeddedConfig } from './embedded-settings.ts';
import type { CloseOptions, EmbeddedEngine, EngineOptions, LogEntry } from './engine-types.ts';

/** Milliseconds for requests under way when the engine closes. */
const graceMs = 500;
/** Milliseconds for containers that remove themselves once they are stopped. */
const removalMs = 5000;

/** EngineErrors as `createEngine` of engine-library.ts says. */
export async function openEmbeddedEngine(options: EngineOptions, shimPath: string): Promise<EmbeddedEngine> {
  checkHost();
  const isTemporary = options.dataRoot === undefined;
  const dataRoot = options.dataRoot ?? temporaryDataRoot();
  try {
    const config = embeddedConfig({ ...options, dataRoot }, shimPath);
    const lock = lockDataRoot(config.dataRoot);
    try {
      return await open(config, { ...options, isTemporary }, lock);
    } catch (error) {
      lock.release();
      throw error;
    }
  } catch (error) {
    if (isTemporary) rmSync(dataRoot, { recursive: true, force: true });
    throw error;
  }
}

/** EngineError `failed-precondition` with everything without which no container runs. */
function checkHost(): void {
  const missing = preflight(readHostFacts()).filter(({ severity }) => severity === 'error');
  if (missing.length === 0) return;
  const what = missing.map((finding) => finding.what).join('; ');
  throw new EngineError('failed-precondition', `this host can't run containers: ${what}`, {
    hint: missing.map(({ mend }) => mend).join(' '),
  });
}

type OpenOptions = EngineOptions & { isTemporary: boolean };

async function open(
  config: DaemonConfig,
  options: OpenOptions,
  lock: { release(): void },
): Promise<EmbeddedEngine> {
  const log = createLog(options);
  const isNew = claimExecRoot(config.execRoot);
  const engine = await createEngine(config, log).catch((error: unknown) => {
    if (isNew) removeExecRoot(config.execRoot);
    throw error;
  });
  const builder = await createBuilder(engine);
  const api = await createApiServer({ engine, builder }, engineVersion);
  return new OpenEngine({ engine, builder, api, lock, log, options });
}

function createLog({ log, logLevel }: EngineOptions): Logger {
  if (log === undefined) return pino({ level: 'silent' });
  const settings = {
    level: logLevel ?? 'warn',
    base: null,
    formatters: { level: (label: string) => ({ level: label }) },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
  };
  return pino(settings, {
    write: (line) => {
      const entry: LogEntry = JSON.parse(line);
      log(entry);
    },
  });
}

interface Parts {
  engine: Engine;
  builder: Builder;
  api: ApiServer;
  lock: { release(): void };
  log: Logger;
  options: OpenOptions;
}

class OpenEngine implements EmbeddedEngine {
  readonly dataRoot: string;
  readonly execRoot: string;
  readonly #parts: Parts;
  /* What waits for a stream in memory keeps no program alive by itself. */
  readonly #alive = setInterval(() => undefined, 2 ** 30);
  #closed: Promise<void> | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.dataRoot = parts.engine.config.dataRoot;
    this.execRoot = parts.engine.config.execRoot;
  }

  client(): Client {
    const endpoint = {
      kind: 'memory',
      open: () => this.#connect(),
      label: `embedded:${this.dataRoot}`,
    } as const;
    return new Client(new ApiClient(endpoint, undefined, { 'User-Agent': libraryAgent }));
  }

  close(options: CloseOptions = {}): Promise<void> {
    this.#closed ??= this.#close(options).finally(() => clearInterval(this.#alive));
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #connect(): PairedStream {
    if (this.#closed !== undefined) throw new EngineError('unavailable', 'the engine is closed');
    const [near, far] = PairedStream.pair();
    this.#parts.api.accept(far);
    return near;
  }

  async #close({ stopContainers }: CloseOptions): Promise<void> {
    const { engine, api, lock, options } = this.#parts;
    const stops = options.isTemporary || (stopContainers ?? options.stopContainers ?? false);
    await api.close(graceMs);
    try {
      if (stops) await stopAll(engine);
    } finally {
      const isIdle = engine.containers.list().every(({ state }) => !isActive(state));
      if (isIdle) await this.#destroyNetworks();
      await this.#parts.builder.close();
      await closeEngine(engine);
      lock.release();
      if (isIdle) removeExecRoot(this.execRoot);
      if (isIdle && options.isTemporary) rmSync(this.dataRoot, { recursive: true, force: true });
    }
  }

  /** Bridges and rules; what a network is, the record keeps. */
  async #destroyNetworks(): Promise<void> {
    const { engine, log } = this.#parts;
    await engine.networks.destroy().catch((err: unknown) => {
      log.error({ err }, 'could not take the networks away');
    });
  }
}

async function stopAll(engine: Engine): Promise<void> {
  const running = engine.containers.list().filter(({ state }) => isActive(state));
  await Promise.all(running.map(({ id }) => stopOne(engine, id)));
  const deadline = Date.now() + removalMs;
  const goes = ({ record, state }: (typeof running)[number]): boolean =>
    record.hostConfig.autoRemove && state.status !== 'created';
  while (engine.containers.list().some(goes) && Date.now() < deadline) await sleep(10);
}

/** One that ended, or went, meanwhile is as good as stopped. */
async function stopOne(engine: Engine, id: string): Promise<void> {
  try {
    await stopContainer(engine, id);
  } catch (error) {
    if (!isEngineError(error, 'not-modified') && !isEngineError(error, 'not-found')) throw error;
  }
}
