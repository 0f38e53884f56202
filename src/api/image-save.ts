/** `GET /images/get` and `GET /images/{name}/get`: images as one archive. */
import type { Readable } from 'node:stream';
import { exportImages } from '../engine/export-images.ts';
import { type Call, param } from './call.ts';
import { platformOf } from './platform-query.ts';
import { sendArchive } from './stream-response.ts';

export async function getImagesArchive(call: Call): Promise<void> {
  await sendArchive(call, await saved(call, call.query.all('names')));
}

export async function getImageArchive(call: Call): Promise<void> {
  await sendArchive(call, await saved(call, [param(call, 'name')]));
}

function saved(call: Call, names: readonly string[]): Promise<Readable> {
  const platform = platformOf(call.query);
  return exportImages(call.engine, names, platform === undefined ? {} : { platform }, call.signal);
}
