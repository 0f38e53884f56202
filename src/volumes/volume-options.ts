/** The options of the local driver: what they mean, and whether they can be taken. */
import { EngineError } from '../errors/engine-error.ts';
import { parseByteSize } from '../util/byte-size.ts';
import type { VolumeFilesystem } from './volume-types.ts';

const known = new Set(['type', 'o', 'device', 'size']);
/** An option is of use only beside these. */
const needs: Readonly<Record<string, readonly string[]>> = {
  device: ['type'],
  type: ['device'],
  o: ['device', 'type'],
};

type Options = Readonly<Record<string, string>>;

/** What a volume is made of: a directory of its own, another directory of the host, or a file system mounted in each container. */
export type VolumeBacking =
  | { kind: 'directory' }
  | { kind: 'bind'; path: string }
  | { kind: 'filesystem'; filesystem: VolumeFilesystem };

/** EngineError `invalid-argument` in Docker's words for options that are unknown or don't suffice. */
export function validateVolumeOptions(name: string, options: Options): void {
  const refuse = (why: string, hint?: string): never => {
    throw new EngineError('invalid-argument', `create ${name}: ${why}`, hint === undefined ? {} : { hint });
  };
  for (const option of Object.keys(options)) {
    if (!known.has(option)) refuse(`invalid option: "${option}"`);
    const missing = (needs[option] ?? []).find((other) => options[other] === undefined);
    if (missing !== undefined) refuse(`missing required option: "${missing}"`);
  }
  const { size } = options as { size?: string };
  if (size !== undefined && parseByteSize(size) === undefined)
    refuse(`invalid size: '${size}'`, 'write a number of bytes, or one with a unit: 512m, 1.5g');
  const backing = volumeBacking(options);
  if (backing.kind !== 'directory' && volumeSize(options) > 0)
    refuse('a size bounds only a directory of the daemon', 'for a tmpfs write o=size=…');
  if (backing.kind === 'bind' && !isCleanAbsolute(backing.path)) {
    refuse(
      `device "${backing.path}" is not an absolute path`,
      'give the directory to bind as an absolute path without ..',
    );
  }
}

/** Bytes that a volume may hold; 0 for any number. */
export function volumeSize(options: Options): number {
  return parseByteSize(options['size'] ?? '') ?? 0;
}

/** Reads the options of a volume that was validated. */
export function volumeBacking(options: Options): VolumeBacking {
  const { type = '', o = '', device = '' } = options as { type?: string; o?: string; device?: string };
  if (type === '' && device === '') return { kind: 'directory' };
  const flags = o.split(',').filter((flag) => flag !== '');
  const isBind = type === 'bind' || flags.includes('bind') || flags.includes('rbind');
  if (isBind) return { kind: 'bind', path: device };
  return { kind: 'filesystem', filesystem: { type, device, options: flags } };
}

function isCleanAbsolute(path: string): boolean {
  return path.startsWith('/') && !path.split('/').includes('..');
}
