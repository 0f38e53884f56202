/** Reads an image configuration from its bytes, and refuses what no engine could run. */
import { EngineError } from '../errors/engine-error.ts';
import { parseBoundedJson } from './bounded-json.ts';
import { isDigest } from './digest.ts';
import type { ImageConfig } from './image-config.ts';

/** Linux's overlay file system stops here (fs/overlayfs, OVL_MAX_STACK): more layers could never be mounted. */
const maxLayers = 500;

function invalid(what: string): EngineError {
  return new EngineError('invalid-argument', `invalid image configuration: ${what}`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Absent (undefined or null), or of the kind that `check` accepts. */
function optional(value: unknown, check: (value: unknown) => boolean, what: string): void {
  if (value !== undefined && value !== null && !check(value)) throw invalid(`${what} is of the wrong type`);
}

const isString = (value: unknown): boolean => typeof value === 'string';
const isStringList = (value: unknown): boolean => Array.isArray(value) && value.every(isString);
const isStringMap = (value: unknown): boolean => isObject(value) && Object.values(value).every(isString);

function checkProcess(config: unknown): void {
  if (config === undefined || config === null) return;
  if (!isObject(config)) throw invalid('config is no object');
  for (const key of ['Env', 'Cmd', 'Entrypoint', 'OnBuild', 'Shell'])
    optional(config[key], isStringList, `config.${key}`);
  for (const key of ['User', 'WorkingDir', 'StopSignal']) optional(config[key], isString, `config.${key}`);
  for (const key of ['ExposedPorts', 'Volumes', 'Healthcheck'])
    optional(config[key], isObject, `config.${key}`);
  optional(config['Labels'], isStringMap, 'config.Labels');
  checkHealthcheck(config['Healthcheck']);
}

/** Numbers are nanoseconds, or a count. */
function checkHealthcheck(healthcheck: unknown): void {
  if (!isObject(healthcheck)) return;
  optional(healthcheck['Test'], isStringList, 'config.Healthcheck.Test');
  for (const key of ['Interval', 'Timeout', 'StartPeriod', 'StartInterval', 'Retries'])
    optional(healthcheck[key], Number.isSafeInteger, `config.Healthcheck.${key}`);
}

function checkHistory(history: unknown): void {
  optional(history, (value) => Array.isArray(value) && value.every(isObject), 'history');
  for (const entry of Array.isArray(history) ? history : []) {
    for (const key of ['created', 'created_by', 'author', 'comment'])
      optional(entry[key], isString, `history.${key}`);
  }
}

/** Checks what JSON gave. EngineError `invalid-argument` where a field that Gantry reads has the wrong shape. */
export function checkImageConfig(value: unknown): ImageConfig {
  if (!isObject(value)) throw invalid('not an object');
  const { rootfs, architecture, os } = value;
  if (!isObject(rootfs) || rootfs['type'] !== 'layers')
    throw invalid('its root file system is not made of layers');
  const diffIds = rootfs['diff_ids'] ?? [];
  if (!Array.isArray(diffIds) || !diffIds.every(isDigest)) throw invalid('its diff IDs are no digests');
  if (diffIds.length > maxLayers) throw invalid(`more than ${maxLayers} layers`);
  optional(architecture, isString, 'architecture');
  optional(os, isString, 'os');
  optional(value['created'], isString, 'created');
  checkProcess(value['config']);
  checkHistory(value['history']);
  const { config, history, ...rest } = value;
  // Old builders left fields empty or null: give every reader one shape.
  return {
    ...rest,
    architecture: String(architecture || 'amd64'),
    os: String(os || 'linux'),
    rootfs: { type: 'layers', diff_ids: diffIds },
    ...(isObject(config) ? { config } : {}),
    ...(Array.isArray(history) ? { history } : {}),
  } as ImageConfig;
}

/** Parses the bytes of a config blob. */
export function parseImageConfig(data: Uint8Array): ImageConfig {
  return checkImageConfig(
    parseBoundedJson(Buffer.from(data).toString('utf8'), 'invalid image configuration'),
  );
}
