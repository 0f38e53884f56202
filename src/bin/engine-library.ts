/** `gantry/engine`: the daemon within a program, for tests and tools. It listens nowhere; its client reaches it in memory. See docs/library.md. */
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EngineError, isEngineError } from '../errors/engine-error.ts';
import type { EmbeddedEngine, EngineOptions } from './engine-types.ts';

export type { ErrorCode } from '../errors/engine-error.ts';
export type { CloseOptions, EmbeddedEngine, EngineOptions, LogEntry } from './engine-types.ts';
export { EngineError, isEngineError };

/** Both from the bundle in dist/library and from src/bin the package is above. */
const shimPath =
  process.env['GANTRY_SHIM'] ??
  join(fileURLToPath(new URL('../..', import.meta.url)), 'native/build/gantry-shim');

/**
 * Opens an engine. EngineErrors: `failed-precondition` where the host lacks something (each with how to mend it),
 * `invalid-argument` for settings, `conflict` where another engine has the data root.
 */
export async function createEngine(options: EngineOptions = {}): Promise<EmbeddedEngine> {
  checkProcess();
  /* Only now: on another system, or an older Node.js, loading it would fail in words of its own. */
  const { openEmbeddedEngine } = await import('./embedded-engine.ts');
  return openEmbeddedEngine(options, shimPath);
}

/** What needs no look at the host. */
function checkProcess(): void {
  if (process.platform !== 'linux')
    throw lacking(
      `the engine runs on Linux only, and this is ${process.platform}`,
      'Use a daemon elsewhere: gantry/client.',
    );
  if (Number.parseInt(process.versions.node, 10) < 24)
    throw lacking(
      `the engine needs Node.js 24, and this is ${process.versions.node}`,
      'Run it with a newer Node.js.',
    );
  if (process.geteuid?.() !== 0)
    throw lacking(
      'the engine needs root: it makes namespaces, mounts and network interfaces',
      'Run the program as root.',
    );
  try {
    accessSync(shimPath, constants.X_OK);
  } catch (cause) {
    const hint = 'Build it: npm run build, in the folder of the package; or name another with GANTRY_SHIM.';
    throw lacking(`the native helper is missing: ${shimPath}`, hint, cause);
  }
}

function lacking(what: string, hint: string, cause?: unknown): EngineError {
  return new EngineError('failed-precondition', what, { hint, cause });
}
