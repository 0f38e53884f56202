/** Which file a container's output is logged to, and how much of it is kept. */
import type { LogTarget } from '../../runtime/runtime-types.ts';
import type { DaemonConfig } from '../daemon-config.ts';
import type { HostConfig } from '../model.ts';
import { containerFiles } from '../paths.ts';
import { extraAttributes } from './attributes.ts';
import { type LogSubject, tagFields } from './context.ts';
import { booleanOption, bytesOf, invalidOption, type LogOptions, sizeOption } from './options.ts';
import { expandTag } from './template.ts';

type LogConfig = HostConfig['logConfig'];

/** Where nobody says: about 100 MB a container, so that no container fills the disk. */
const defaultMaxSize = 20 * 1024 * 1024;
const defaultMaxFiles = 5;

export interface LogFileSettings {
  /** Bytes at which the file is rotated; 0 for never. */
  maxSize: number;
  /** Files kept, the current one included. */
  maxFiles: number;
  /** Rotated files are compressed. */
  compress: boolean;
}

/** EngineErrors `invalid-argument` in Docker's words. */
export function logFileSettings({ type, config }: LogConfig): LogFileSettings {
  if (type === 'json-file' || type === '' || type === 'local') return ownFile(config, '', type === 'local');
  return ownFile(config, 'cache-', true);
}

function ownFile(options: LogOptions, prefix: string, compressInitially: boolean): LogFileSettings {
  const maxSize = parseMaxSize(`${prefix}max-size`, options[`${prefix}max-size`]);
  const maxFiles = parseMaxFiles(`${prefix}max-file`, options[`${prefix}max-file`]);
  const compress = booleanOption(options, `${prefix}compress`, compressInitially);
  const asked = (options[`${prefix}compress`] ?? '') !== '';
  const rotates = maxSize > 0 && maxFiles > 1;
  if (compress && asked && !rotates) {
    throw invalidOption(
      `compress cannot be true when max-file is less than 2 or max-size is not set`,
      'leave out compress, or keep more files',
    );
  }
  return { maxSize, maxFiles, compress: compress && rotates };
}

/** `10m`: bytes; -1 for no limit, which is 0 here. */
function parseMaxSize(name: string, text: string | undefined): number {
  if (text === undefined || text === '') return defaultMaxSize;
  if (text === '-1') return 0;
  const bytes = bytesOf(text) ?? 0;
  if (bytes > 0) return bytes;
  throw invalidOption(`invalid value for ${name}: "${text}"`, 'write a size such as 10m, or -1 for no limit');
}

function parseMaxFiles(name: string, text: string | undefined): number {
  if (text === undefined || text === '') return defaultMaxFiles;
  const count = Number(text);
  if (/^\d{1,9}$/.test(text) && count >= 1) return count;
  throw invalidOption(`${name} cannot be less than 1`, 'write a whole number from 1');
}

/** What the shim is told; undefined where nothing is logged. */
export function logTarget(
  roots: Pick<DaemonConfig, 'dataRoot' | 'execRoot'>,
  record: LogSubject,
): LogTarget | undefined {
  const { logConfig } = record.hostConfig;
  if (logConfig.type === 'none') return undefined;
  const { maxSize, maxFiles } = logFileSettings(logConfig);
  const attributes = lineAttributes(record);
  return {
    path: containerFiles(roots, record.id).log,
    maxSize,
    maxFiles,
    ...bufferOf(logConfig.config),
    ...(attributes === '' ? {} : { attributes }),
  };
}

/** Bytes of output that may wait for the disk, in `mode=non-blocking`. */
function bufferOf(options: LogOptions): { buffer?: number } {
  if (options['mode'] !== 'non-blocking') return {};
  return { buffer: Math.max(1, sizeOption(options, 'max-buffer-size', 1 << 20)) };
}

/** Attributes of each line of a json-file log; the tag where the user gives one. Other drivers tell them by themselves. */
export function fileAttributes(record: LogSubject): Record<string, string> {
  const { type, config } = record.hostConfig.logConfig;
  if (type !== 'json-file' && type !== '') return {};
  const tag = config['tag'] ?? '';
  const own = extraAttributes(record.config, config);
  return tag === '' ? own : { ...own, tag: expandTag(tag, tagFields(record)) };
}

/** `"attrs":{…},` as it stands in each line, or ''. */
export function lineAttributes(record: LogSubject): string {
  const attributes = Object.entries(fileAttributes(record)).sort(([one], [other]) => (one < other ? -1 : 1));
  return attributes.length === 0 ? '' : `"attrs":${JSON.stringify(Object.fromEntries(attributes))},`;
}
