/** `/volumes`. */
import { createVolume, inspectVolume, listVolumes, pruneVolumes, removeVolume } from '../engine/volumes.ts';
import type { Volume, VolumeListResponse, VolumesPruneResponse } from '../wire/volume.ts';
import { Answer, type Call, jsonBody, param, speaks } from './call.ts';
import { encodeVolume } from './volume-encode.ts';

export async function getVolumes(call: Call): Promise<VolumeListResponse> {
  const volumes = await listVolumes(call.engine, call.query.filters());
  return { Volumes: volumes.map(encodeVolume), Warnings: null };
}

export async function getVolume(call: Call): Promise<Volume> {
  return encodeVolume(await inspectVolume(call.engine, param(call, 'name')));
}

export async function postVolumeCreate(call: Call): Promise<Answer> {
  const fields = await jsonBody(call);
  const name = fields?.string('Name') ?? '';
  const volume = await createVolume(call.engine, {
    driver: fields?.string('Driver') || 'local',
    driverOpts: fields?.stringMap('DriverOpts') ?? {},
    labels: fields?.stringMap('Labels') ?? {},
    ...(name === '' ? {} : { name }),
  });
  return new Answer(201, encodeVolume(volume));
}

export async function deleteVolume(call: Call): Promise<void> {
  await removeVolume(call.engine, param(call, 'name'), { force: call.query.boolean('force') });
}

/** From 1.42 on only anonymous volumes are pruned, unless the filter `all` says otherwise. */
export async function postVolumesPrune(call: Call): Promise<VolumesPruneResponse> {
  const filters = new Map(call.query.filters());
  if (!speaks(call, '1.42') && !filters.has('all')) filters.set('all', ['true']);
  const pruned = await pruneVolumes(call.engine, filters);
  return { VolumesDeleted: pruned.deleted, SpaceReclaimed: pruned.spaceReclaimed };
}
