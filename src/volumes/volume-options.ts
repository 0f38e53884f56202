/** The options of the local driver: what they mean, and whether they can be taken. */
import { EngineError } from '../errors/engine-error.ts';
import type { VolumeFilesystem } from './volume-types.ts';

const known = new Set(['type', 'o', 'device']);
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
    if (option === 'size') {
      refuse(
        'quota size requested but no quota support',
        'leave out size, or use type=tmpfs with o=size=… for a bounded volume',
      );
    }
    if (!known.has(option)) refuse(`invalid option: "${option}"`);
    const missing = (needs[option] ?? []).find((other) => options[other] === undefined);
    if (missing !== undefined) refuse(`missing required option: "${missing}"`);
  }
  const backing = volumeBacking(options);
  if (backing.kind === 'bind' && !isCleanAbsolute(backing.path)) {
    refuse(
      `device "${backing.path}" is not an absolute path`,
      'give the directory to bind as an absolute path without ..',
    );
  }
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
