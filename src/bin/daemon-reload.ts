/** SIGHUP: takes over what may change while the daemon runs, and says what it did. */
import type { DaemonConfig } from '../engine/daemon-config.ts';
import { mergeSettings, readDaemonFile } from './daemon-file.ts';
import type { CommandLine } from './daemon-flags.ts';
import { daemonOptions } from './daemon-options.ts';
import { type DaemonSetup, toDaemonSetup } from './daemon-setup.ts';
import type { Settings } from './daemon-values.ts';

/** The configuration of flags and file. Throws EngineError `invalid-argument`. */
export function loadSettings(line: CommandLine): Settings {
  const file = readDaemonFile(line.configFile, line.configFileGiven);
  return mergeSettings(line.settings, file, line.configFile);
}

/** `next` where an option may change while the daemon runs, `current` everywhere else. */
export function reloadable(current: Settings, next: Settings): Settings {
  const kept = new Map(current);
  for (const { key, reloads } of daemonOptions) {
    if (reloads !== true) continue;
    const value = next.get(key);
    if (value === undefined) kept.delete(key);
    else kept.set(key, value);
  }
  return kept;
}

/** Reads the file again. What can't change while the daemon runs stays as it was at the start. */
export function reloadSetup(
  line: CommandLine,
  current: Settings,
  shimPath: string,
): { settings: Settings; setup: DaemonSetup } {
  const settings = reloadable(current, loadSettings(line));
  return { settings, setup: toDaemonSetup(settings, shimPath) };
}

/** The attributes of the event `daemon reload`, as Docker has them. */
export function reloadAttributes(config: DaemonConfig): Record<string, string> {
  return {
    debug: String(config.debug),
    labels: JSON.stringify(config.labels),
    'insecure-registries': JSON.stringify(config.insecureRegistries),
    'registry-mirrors': JSON.stringify(config.registryMirrors),
    'registry-mirrors-for': JSON.stringify(config.registryMirrorsFor),
    'default-runtime': config.defaultRuntime,
    'default-shm-size': String(config.defaultShmSize),
    'live-restore': String(config.liveRestore),
    'max-concurrent-downloads': String(config.maxConcurrentDownloads),
    'max-concurrent-uploads': String(config.maxConcurrentUploads),
    'max-download-attempts': String(config.maxDownloadAttempts),
    'shutdown-timeout': String(config.shutdownTimeout),
    'undo-retention': String(config.undoRetention),
    'undo-budget': String(config.undoBudget),
  };
}
