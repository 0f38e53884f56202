/** Volumes as Docker shows them. */
import type { VolumeView } from '../engine/volumes.ts';
import type { Volume } from '../wire/volume.ts';
import { rfc3339 } from './timestamps.ts';

export function encodeVolume(volume: VolumeView): Volume {
  return {
    CreatedAt: rfc3339(volume.createdAt),
    Driver: volume.driver,
    Labels: isEmpty(volume.labels) ? null : volume.labels,
    Mountpoint: volume.mountpoint,
    Name: volume.name,
    Options: isEmpty(volume.options) ? null : volume.options,
    Scope: 'local',
    ...(volume.isProtected === true ? { Status: { Protected: true } } : {}),
    ...(volume.usage === undefined
      ? {}
      : { UsageData: { Size: volume.usage.size, RefCount: volume.usage.refCount } }),
  };
}

function isEmpty(map: Readonly<Record<string, string>>): boolean {
  return Object.keys(map).length === 0;
}
