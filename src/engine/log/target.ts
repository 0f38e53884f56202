/** Where a container's output is logged, and how much of it is kept: the logging options of Docker's json-file driver. */
import { EngineError } from '../../errors/engine-error.ts';
import type { LogTarget } from '../../runtime/runtime-types.ts';
import type { DaemonConfig } from '../daemon-config.ts';
import type { ContainerRecord, HostConfig } from '../model.ts';
import { containerFiles } from '../paths.ts';

type LogConfig = HostConfig['logConfig'];

/** Where nobody says: about 100 MB a container, so that no container fills the disk. */
const defaultMaxSize = 20 * 1024 * 1024;
const defaultMaxFiles = 5;

const knownOptions = new Set([
  'max-size',
  'max-file',
  'compress',
  'labels',
  'labels-regex',
  'env',
  'env-regex',
  'tag',
  'mode',
  'max-buffer-size',
]);

/** The container's own driver and options, completed by the daemon's. */
export function completeLogConfig(
  own: LogConfig,
  daemon: Pick<DaemonConfig, 'logDriver' | 'logOpts'>,
): LogConfig {
  if (own.type !== '' && own.type !== daemon.logDriver) return own;
  return { type: daemon.logDriver, config: { ...daemon.logOpts, ...own.config } };
}

/** EngineErrors `invalid-argument` in Docker's words for an unknown driver or a bad option. */
export function validateLogConfig({ type, config }: LogConfig): void {
  if (type === 'none') return;
  if (type !== 'json-file') {
    throw new EngineError('invalid-argument', `logger: no log driver named '${type}' is registered`, {
      hint: 'use json-file or none',
    });
  }
  const unknown = Object.keys(config).find((name) => !knownOptions.has(name));
  if (unknown !== undefined) {
    throw new EngineError('invalid-argument', `unknown log opt '${unknown}' for json-file log driver`);
  }
  parseMaxSize(config['max-size']);
  parseMaxFiles(config['max-file']);
}

/** `10m`: bytes; -1 for no limit, which is 0 here. */
function parseMaxSize(text: string | undefined): number {
  if (text === undefined) return defaultMaxSize;
  if (text === '-1') return 0;
  const match = /^(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?$/i.exec(text);
  const exponent = 'kmgt'.indexOf((match?.[2] ?? '').toLowerCase() || ' ') + 1;
  const bytes = Math.floor(Number(match?.[1] ?? 0) * 1024 ** exponent);
  if (bytes > 0) return bytes;
  throw new EngineError('invalid-argument', `invalid value for max-size: "${text}"`, {
    hint: 'write a size such as 10m, or -1 for no limit',
  });
}

function parseMaxFiles(text: string | undefined): number {
  if (text === undefined) return defaultMaxFiles;
  const count = Number(text);
  if (Number.isSafeInteger(count) && count >= 1) return count;
  throw new EngineError('invalid-argument', 'max-file cannot be less than 1', {
    hint: 'write a whole number from 1',
  });
}

/** What the shim is told; undefined where nothing is logged. */
export function logTarget(
  roots: Pick<DaemonConfig, 'dataRoot' | 'execRoot'>,
  record: Pick<ContainerRecord, 'id' | 'hostConfig'>,
): LogTarget | undefined {
  const { type, config } = record.hostConfig.logConfig;
  if (type === 'none') return undefined;
  return {
    path: containerFiles(roots, record.id).log,
    maxSize: parseMaxSize(config['max-size']),
    maxFiles: parseMaxFiles(config['max-file']),
  };
}
