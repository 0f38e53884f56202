/** What tests of pushes do over and over: load an image into the rooms, push it, pull it, and note what was said. */
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import type { ProgressMessage, PushedTag, PushRequest } from '../../src/images/image-types.ts';
import { buildImage, dockerArchive, type FixtureImage } from './image-fixtures.ts';
import type { ImageRooms } from './image-fixtures-rooms.ts';
import { tarOf } from './tar-writer.ts';

export interface Pushed {
  messages: ProgressMessage[];
  tags: PushedTag[];
}

export async function pushFrom(
  rooms: ImageRooms,
  reference: string,
  more: Partial<PushRequest> = {},
): Promise<Pushed> {
  const pushed: Pushed = { messages: [], tags: [] };
  await rooms.images.push({
    reference,
    allTags: false,
    progress: (message) => pushed.messages.push(message),
    onPushed: (tag) => pushed.tags.push(tag),
    signal: AbortSignal.timeout(20_000),
    ...more,
  });
  return pushed;
}

export async function loadInto(
  rooms: ImageRooms,
  image: FixtureImage,
  tags: readonly string[],
): Promise<void> {
  await rooms.images.load(Readable.from([dockerArchive([{ image, tags }])]), () => undefined);
}

export async function pullInto(rooms: ImageRooms, reference: string): Promise<void> {
  await rooms.images.pull({ reference, progress: () => undefined });
}

/** Random bytes, which no compression makes smaller. */
export function randomImage(sizes: readonly number[]): FixtureImage {
  return buildImage({
    layers: sizes.map((size, index) => tarOf([{ name: `file${index}`, data: randomBytes(size) }])),
  });
}
