/** What a new volume's document is made of, and what is refused. */
import { EngineError } from '../errors/engine-error.ts';
import type { Volume, VolumeRequest } from './volume-types.ts';

export function noQuotas(name: string): EngineError {
  return new EngineError('invalid-argument', `create ${name}: quota size requested but no quota support`, {
    hint: 'mount the file system of the data root with prjquota, leave out size, or use type=tmpfs with o=size=… for a bounded volume',
  });
}

export function newVolume(request: VolumeRequest & { name: string }, mountpoint: string): Volume {
  const { name, labels, driverOpts, boundTo } = request;
  return {
    name,
    driver: 'local',
    mountpoint,
    createdAt: Date.now(),
    labels: { ...labels },
    options: { ...driverOpts },
    ...(boundTo === undefined ? {} : { boundTo }),
  };
}

export function validateDriver(name: string, driver: string): void {
  if (driver === '' || driver === 'local') return;
  throw new EngineError(
    'not-found',
    `create ${name}: error looking up volume plugin ${driver}: plugin "${driver}" not found`,
    { hint: 'use the driver local' },
  );
}

/** A volume that is named without options is taken as it is. */
export function sameOrConflict(volume: Volume, options: Readonly<Record<string, string>>): Volume {
  const names = new Set([...Object.keys(options), ...Object.keys(volume.options)]);
  const same = [...names].every((name) => options[name] === volume.options[name]);
  if (Object.keys(options).length === 0 || same) return volume;
  throw new EngineError(
    'conflict',
    `create ${volume.name}: conflict: volume name must be unique: a volume of this name has other options`,
    { hint: 'choose another name, or remove the volume first' },
  );
}
