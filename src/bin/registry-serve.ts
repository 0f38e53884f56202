/** `gantry-registry serve`: puts the registry's parts together, changes what can be changed on SIGHUP, and takes them apart again. */
import type { Logger } from 'pino';
import { EngineError, messageOf } from '../errors/engine-error.ts';
import { loadConfiguration } from '../registry/config/load-config.ts';
import type { RegistryConfig } from '../registry/config/registry-config.ts';
import { accessLog, createRegistryLog } from './registry-log.ts';
import { type RunningRegistry, startRegistry } from './registry-parts.ts';

export async function serve(path: string | undefined, version: string): Promise<void> {
  const { config, warnings } = loadConfiguration(path, process.env);
  const log = createRegistryLog(config.log);
  for (const warning of warnings) log.warn(warning);
  dieOnStrayErrors(log);
  const onAnswer = config.log.access ? accessLog(config.log) : undefined;
  const registry = await startRegistry(config, { log, onAnswer });
  const { address, storage } = registry;
  log.info({ address, storage, version, ms: Math.round(performance.now()) }, `listening on ${address}`);
  handleSignals(registry, path, config, log);
}

function handleSignals(
  registry: RunningRegistry,
  path: string | undefined,
  initial: RegistryConfig,
  log: Logger,
): void {
  let current = initial;
  let ending = false;
  const end = (signal: string): void => {
    if (ending) return;
    ending = true;
    log.info(`${signal}: ending, requests under way have ${current.http.drainTimeout} ms`);
    registry.close().then(
      () => process.exit(0),
      (error: unknown) => die(log, 'cannot end cleanly', error),
    );
  };
  process.on('SIGTERM', () => end('SIGTERM'));
  process.on('SIGINT', () => end('SIGINT'));
  let reloading = Promise.resolve();
  process.on('SIGHUP', () => {
    reloading = reloading.then(async () => {
      current = await reload(registry, path, current, log);
    });
  });
}

/** A file that is wrong changes nothing. */
async function reload(
  registry: RunningRegistry,
  path: string | undefined,
  current: RegistryConfig,
  log: Logger,
): Promise<RegistryConfig> {
  try {
    const { config, warnings } = loadConfiguration(path, process.env);
    for (const warning of warnings) log.warn(warning);
    await registry.reload(config);
    log.level = config.log.level;
    const kept = untilRestart(current, config);
    if (kept.length > 0) log.warn(`${kept.join(', ')} changed: that takes a restart of the registry`);
    log.info('Reloaded configuration');
    return config;
  } catch (error) {
    const hint = error instanceof EngineError && error.hint !== undefined ? ` (${error.hint})` : '';
    log.error(`cannot reload the configuration: ${messageOf(error)}${hint}`);
    return current;
  }
}

/** What of the configuration changed and is not taken before a new start. */
function untilRestart(before: RegistryConfig, now: RegistryConfig): string[] {
  const facts = (config: RegistryConfig): Record<string, unknown> => ({
    storage: config.storage,
    'http.addr': config.http.listen,
    'http.tls on or off': config.http.tls !== undefined,
    'http.debug': config.http.debug,
    notifications: config.notifications,
    proxies: config.proxies,
    'gantry.gc': config.collect,
    'gantry.retention': config.retention,
    health: config.health,
  });
  const old = facts(before);
  return Object.entries(facts(now)).flatMap(([name, value]) =>
    JSON.stringify(value) === JSON.stringify(old[name]) ? [] : [name],
  );
}

/** A promise nobody looked at means that our picture of the storage may be wrong: a new start reads it again. */
function dieOnStrayErrors(log: Logger): void {
  process.on('unhandledRejection', (error) => die(log, 'unhandled rejection', error));
  process.on('uncaughtException', (error) => die(log, 'uncaught exception', error));
}

function die(log: Logger, what: string, error: unknown): never {
  log.fatal({ err: error }, `${what}: ${messageOf(error)}`);
  process.exit(1);
}
