/** The daemon: puts settings, engine, API and listeners together, and takes them apart again. */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Logger } from 'pino';
import { type ApiServer, createApiServer } from '../api/server.ts';
import type { Builder } from '../build/build-types.ts';
import { createBuilder } from '../build/create-builder.ts';
import { closeEngine, createEngine } from '../engine/create-engine.ts';
import { registryConfig } from '../engine/daemon-config.ts';
import type { Engine } from '../engine/engine.ts';
import { engineVersion } from '../engine/engine-version.ts';
import { EngineError, messageOf } from '../errors/engine-error.ts';
import { preflight } from '../host/preflight.ts';
import { type CommandLine, parseCommandLine } from './daemon-flags.ts';
import { type Listeners, listenAll, scopedSocketOpener } from './daemon-listeners.ts';
import { createLog } from './daemon-log.ts';
import { claimPidFile, lockDataRoot } from './daemon-pidfile.ts';
import { loadSettings, reloadAttributes, reloadSetup } from './daemon-reload.ts';
import { type DaemonSetup, toDaemonSetup } from './daemon-setup.ts';
import type { Settings } from './daemon-values.ts';
import { type EmbeddedRegistry, serveEmbeddedRegistry } from './embedded-registry.ts';

/** Both from the bundle in dist and from src/bin the checkout is above. */
const checkout = join(
  dirname(fileURLToPath(import.meta.url)),
  import.meta.url.endsWith('.ts') ? '../..' : '..',
);
const shimPath = process.env['GANTRY_SHIM'] ?? join(checkout, 'native/build/gantry-shim');

async function main(): Promise<void> {
  const line = parseCommandLine(process.argv.slice(2), engineVersion);
  const settings = loadSettings(line);
  const setup = toDaemonSetup(settings, shimPath);
  if (line.validate) {
    process.stdout.write('configuration OK\n');
    return;
  }
  const log = createLog(setup.logLevel, setup.logFormat);
  dieOnStrayErrors(log);
  const daemon = await start(setup, log);
  log.info(
    { hosts: daemon.listeners.addresses, ms: Math.round(performance.now()) },
    'Daemon has completed initialization',
  );
  handleSignals(daemon, line, settings, log);
}

interface Daemon {
  engine: Engine;
  builder: Builder;
  api: ApiServer;
  listeners: Listeners;
  registry: EmbeddedRegistry | undefined;
  /** Undone in the opposite order. */
  claims: Array<{ release(): void }>;
}

async function start(setup: DaemonSetup, log: Logger): Promise<Daemon> {
  const claims: Daemon['claims'] = [];
  try {
    claims.push(claimPidFile(setup.pidFile));
    claims.push(lockDataRoot(setup.config.dataRoot));
    const engine = await createEngine(setup.config, log);
    sayFindings(engine, log);
    const builder = await createBuilder(engine);
    const api = await createApiServer({ engine, builder }, engineVersion);
    const registry =
      setup.registry === undefined
        ? undefined
        : await serveEmbeddedRegistry(engine.registry, setup.registry, log);
    const listeners = await listenAll({
      ...setup,
      accept: (socket) => api.accept(socket),
      warn: (text) => log.warn(text),
    });
    await openSockets(engine, api, log);
    return { engine, builder, api, listeners, registry, claims };
  } catch (error) {
    for (const claim of claims.reverse()) claim.release();
    throw error;
  }
}

/** One that can't be opened is no reason not to start: `socket ls` says why. */
async function openSockets(engine: Engine, api: ApiServer, log: Logger): Promise<void> {
  await engine.sockets.openAll(scopedSocketOpener((socket, scope) => api.accept(socket, scope)));
  for (const { name, path, error } of engine.sockets.list()) {
    if (error !== '') log.warn(`the scoped socket ${name} does not listen on ${path}: ${error}`);
  }
}

/** What this host lacks, and how to mend it. */
function sayFindings(engine: Engine, log: Logger): void {
  for (const finding of preflight(engine.host)) {
    const text = `${finding.what}. ${finding.mend}`;
    if (finding.severity === 'error') log.error(text);
    else if (finding.severity === 'warning') log.warn(text);
    else log.info(text);
  }
}

function handleSignals(daemon: Daemon, line: CommandLine, settings: Settings, log: Logger): void {
  let current = settings;
  let ending = false;
  const end = (signal: string): void => {
    if (ending) return;
    ending = true;
    log.info(`Processing signal '${signal}'`);
    stop(daemon).then(
      () => process.exit(0),
      (error: unknown) => die(log, 'cannot end cleanly', error),
    );
  };
  process.on('SIGTERM', () => end('terminated'));
  process.on('SIGINT', () => end('interrupt'));
  process.on('SIGHUP', () => {
    current = reload(daemon.engine, line, current, log);
    renewCertificates(daemon.listeners, log);
  });
}

/** Containers keep running: their shims hold them, and the next daemon finds them again. */
async function stop(daemon: Daemon): Promise<void> {
  daemon.listeners.close();
  daemon.engine.sockets.close();
  await Promise.all([daemon.api.close(500), daemon.registry?.close()]);
  await daemon.builder.close();
  await closeEngine(daemon.engine);
  for (const claim of daemon.claims.reverse()) claim.release();
}

/** A file that is wrong changes nothing. */
function reload(engine: Engine, line: CommandLine, current: Settings, log: Logger): Settings {
  try {
    const { settings, setup } = reloadSetup(line, current, shimPath);
    engine.config = setup.config;
    engine.images.configure(registryConfig(setup.config));
    engine.undo.settle();
    log.level = setup.logLevel;
    engine.events.publish({
      type: 'daemon',
      action: 'reload',
      actorId: engine.id,
      attributes: reloadAttributes(setup.config),
    });
    log.info('Reloaded configuration');
    return settings;
  } catch (error) {
    log.error(`cannot reload the configuration: ${messageOf(error)}`);
    return current;
  }
}

/** Of connections that come from now on. */
function renewCertificates(listeners: Listeners, log: Logger): void {
  try {
    listeners.renewCertificates();
  } catch (error) {
    log.error(`cannot renew the certificates, the old ones serve on: ${messageOf(error)}`);
  }
}

/** A promise nobody looked at means that our picture of the world may be wrong: a new start repairs it, going on may not. */
function dieOnStrayErrors(log: Logger): void {
  process.on('unhandledRejection', (error) => die(log, 'unhandled rejection', error));
  process.on('uncaughtException', (error) => die(log, 'uncaught exception', error));
}

function die(log: Logger, what: string, error: unknown): never {
  log.fatal({ err: error }, `${what}: ${messageOf(error)}`);
  process.exit(1);
}

main().catch((error: unknown) => {
  const hint = error instanceof EngineError && error.hint !== undefined ? `\n${error.hint}` : '';
  process.stderr.write(`gantryd: ${messageOf(error)}${hint}\n`);
  process.exit(1);
});
