/** The log drivers there are, and which options each takes. */
import { isEngineError } from '../../errors/engine-error.ts';
import type { DaemonConfig } from '../daemon-config.ts';
import type { HostConfig } from '../model.ts';
import { checkPatterns } from './attributes.ts';
import { booleanOption, bytesOf, invalidOption, type LogOptions } from './options.ts';
import { fluentdSettings } from './remote/fluentd.ts';
import { gelfSettings } from './remote/gelf.ts';
import { syslogSettings } from './remote/syslog.ts';
import { logFileSettings } from './target.ts';

type LogConfig = HostConfig['logConfig'];

const describing = ['labels', 'labels-regex', 'env', 'env-regex', 'tag'];
const file = ['max-size', 'max-file', 'compress'];
/** Of every driver: how a container and its log's receiver are kept apart, and what is kept here for `logs`. */
const common = new Set([
  'mode',
  'max-buffer-size',
  'cache-disabled',
  'cache-max-size',
  'cache-max-file',
  'cache-compress',
]);

interface DriverRules {
  options: readonly string[];
  /** EngineError `invalid-argument` for values that don't do. */
  check?: (options: LogOptions) => unknown;
}

const drivers: Readonly<Record<string, DriverRules>> = {
  fluentd: {
    options: [
      ...describing,
      'fluentd-address',
      'fluentd-async',
      'fluentd-async-connect',
      'fluentd-async-reconnect-interval',
      'fluentd-buffer-limit',
      'fluentd-max-retries',
      'fluentd-request-ack',
      'fluentd-retry-wait',
      'fluentd-sub-second-precision',
      'fluentd-write-timeout',
    ],
    check: fluentdSettings,
  },
  gelf: {
    options: [
      ...describing,
      'gelf-address',
      'gelf-compression-level',
      'gelf-compression-type',
      'gelf-tcp-max-reconnect',
      'gelf-tcp-reconnect-delay',
    ],
    check: gelfSettings,
  },
  journald: { options: describing },
  'json-file': { options: [...describing, ...file] },
  local: { options: file },
  syslog: {
    options: [
      ...describing,
      'syslog-address',
      'syslog-facility',
      'syslog-format',
      'syslog-tls-ca-cert',
      'syslog-tls-cert',
      'syslog-tls-key',
      'syslog-tls-skip-verify',
    ],
    check: syslogSettings,
  },
};

/** In the order of their names, as `info` tells them: without `none`, which keeps no log. */
export const logDriverNames: readonly string[] = Object.keys(drivers);

/** The container's own driver and options, completed by the daemon's. What is kept here of a log that goes elsewhere is the daemon's choice for all drivers. */
export function completeLogConfig(
  own: LogConfig,
  daemon: Pick<DaemonConfig, 'logDriver' | 'logOpts'>,
): LogConfig {
  const cache = Object.entries(daemon.logOpts).filter(([name]) => name.startsWith('cache-'));
  if (own.type !== '' && own.type !== daemon.logDriver) {
    const isRemote = own.type !== 'none' && !isLocal(own.type);
    return isRemote ? { type: own.type, config: { ...Object.fromEntries(cache), ...own.config } } : own;
  }
  return { type: daemon.logDriver, config: { ...daemon.logOpts, ...own.config } };
}

/** EngineErrors `invalid-argument` in Docker's words for an unknown driver or a bad option. */
export function validateLogConfig({ type, config }: LogConfig): void {
  if (type === 'none') return;
  checkMode(config);
  const rules = Object.hasOwn(drivers, type) ? drivers[type] : undefined;
  if (rules === undefined) {
    throw invalidOption(
      `logger: no log driver named '${type}' is registered`,
      `use one of ${[...logDriverNames, 'none'].join(', ')}`,
    );
  }
  const unknown = Object.keys(config).find((name) => !common.has(name) && !rules.options.includes(name));
  if (unknown !== undefined) throw unknownOption(type, unknown, rules.options);
  checkPatterns(config);
  logFileSettings({ type, config });
  rules.check?.(config);
}

/** The daemon's own choice. EngineError `invalid-argument` in Docker's words. */
export function checkLogDefaults({ logDriver, logOpts }: Pick<DaemonConfig, 'logDriver' | 'logOpts'>): void {
  try {
    validateLogConfig({ type: logDriver, config: logOpts });
  } catch (error) {
    if (!isEngineError(error)) throw error;
    throw invalidOption(`failed to set log opts: ${error.message}`, error.hint);
  }
}

function unknownOption(type: string, name: string, known: readonly string[]): Error {
  const message =
    type === 'local'
      ? `unknown log opt '${name}' for log driver local`
      : `unknown log opt '${name}' for ${type} log driver`;
  return invalidOption(message, `use ${known.join(', ')}`);
}

function checkMode(config: LogOptions): void {
  const mode = config['mode'] ?? '';
  if (mode !== '' && mode !== 'blocking' && mode !== 'non-blocking') {
    throw invalidOption(`logger: logging mode not supported: ${mode}`, 'use blocking or non-blocking');
  }
  const size = config['max-buffer-size'];
  if (size === undefined) return;
  if (mode !== 'non-blocking') {
    throw invalidOption(
      "logger: max-buffer-size option is only supported with 'mode=non-blocking'",
      'add --log-opt mode=non-blocking',
    );
  }
  if (bytesOf(size) === undefined) {
    throw invalidOption(
      `error parsing option max-buffer-size: invalid size: '${size}'`,
      'write a size such as 4m',
    );
  }
}

export function isLocal(type: string): boolean {
  return type === '' || type === 'json-file' || type === 'local';
}

/** Can `logs` read it? */
export function isReadable({ type, config }: LogConfig): boolean {
  if (type === 'none') return false;
  return isLocal(type) || !booleanOption(config, 'cache-disabled');
}
