/** The rooms that hold images (database, blobs, layers), real and in a directory of their own. */
import { existsSync, mkdtempSync, readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GzipHelper } from '../../src/host/gzip-helper.ts';
import { startLauncher } from '../../src/host/launcher.ts';
import type { Launcher } from '../../src/host/launcher-types.ts';
import type { ImageConfiguration } from '../../src/images/image-parts.ts';
import { createImageStore, type ImageStore } from '../../src/images/image-store.ts';
import { OverlaySnapshotter } from '../../src/snapshots/overlay-snapshotter.ts';
import { BlobStore } from '../../src/store/blob-store.ts';
import { Database } from '../../src/store/database.ts';

export interface ImageRooms {
  directory: string;
  launcher: Launcher;
  snapshots: OverlaySnapshotter;
  blobs: BlobStore;
  images: ImageStore;
  /** Everything on disk that is no blob, layer, container or database: what a failed operation left. */
  leftovers(): string[];
  /** Closes and opens everything, as a restart of the daemon does. */
  reopen(): Promise<void>;
  close(): Promise<void>;
}

export interface ImageRoomsOptions {
  config?: Partial<ImageConfiguration>;
  /** Where they are; a new temporary directory unless told. */
  directory?: string;
}

export async function openImageRooms(options: ImageRoomsOptions = {}): Promise<ImageRooms> {
  const directory = options.directory ?? mkdtempSync(join(tmpdir(), 'gantry-images-'));
  const launcher = await startLauncher();
  const parts = (): Pick<ImageRooms, 'snapshots' | 'blobs' | 'images'> & { database: Database } => {
    const database = Database.open(join(directory, 'gantry.db'));
    const gzip = new GzipHelper({
      launcher,
      program: join(import.meta.dirname, '../../native/build/gantry-gzip'),
      directory: join(directory, 'fifos'),
    });
    const snapshots = new OverlaySnapshotter({ root: join(directory, 'overlay'), launcher, gzip });
    const blobs = new BlobStore(join(directory, 'images'));
    return {
      database,
      snapshots,
      blobs,
      images: createImageStore({ database, blobs, snapshots, gzip, ...options }),
    };
  };
  let current = parts();
  const shut = async (): Promise<void> => {
    await current.images.close();
    await current.snapshots.close();
    current.database.close();
  };
  const rooms: ImageRooms = {
    directory,
    launcher,
    snapshots: current.snapshots,
    blobs: current.blobs,
    images: current.images,
    leftovers: () =>
      ['overlay/temporary', 'images/ingest', 'fifos'].flatMap((path) =>
        existsSync(join(directory, path)) ? readdirSync(join(directory, path)) : [],
      ),
    reopen: async () => {
      await shut();
      current = parts();
      Object.assign(rooms, { snapshots: current.snapshots, blobs: current.blobs, images: current.images });
    },
    close: async () => {
      await shut();
      await launcher.close();
      if (options.directory === undefined) await rm(directory, { recursive: true, force: true });
    },
  };
  return rooms;
}
