/** Lists of manifests that are being made, where docker's client keeps them: one folder per list below `manifests` of its configuration. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EngineError, errnoOf, messageOf } from '../../errors/engine-error.ts';
import type { WirePlatform } from '../../wire/image.ts';

/** One image of a list, in the fields and the order of docker's files. */
export interface StoredManifest {
  /** `docker.io/library/alpine:latest`. */
  Ref: string;
  Descriptor: { mediaType: string; digest: string; size: number; platform?: StoredPlatform };
  /** Base64. */
  Raw?: string;
  SchemaV2Manifest?: unknown;
  OCIManifest?: unknown;
}

export type StoredPlatform = WirePlatform & { features?: string[] };

export class ManifestStore {
  readonly #root: string;

  constructor(configFolder: string) {
    this.#root = join(configFolder, 'manifests');
  }

  /** The images of a list, in the order of their files' names. EngineError `not-found` where there is no such list. */
  list(listRef: string): StoredManifest[] {
    const folder = this.#folder(listRef);
    try {
      return readdirSync(folder)
        .sort()
        .map((name) => readManifest(join(folder, name)));
    } catch (error) {
      throw noSuchManifest(error, listRef);
    }
  }

  has(listRef: string): boolean {
    try {
      readdirSync(this.#folder(listRef));
      return true;
    } catch {
      return false;
    }
  }

  /** EngineError `not-found` where the list has no such image. */
  get(listRef: string, ref: string): StoredManifest {
    try {
      return readManifest(join(this.#folder(listRef), fileName(ref)));
    } catch (error) {
      throw noSuchManifest(error, ref);
    }
  }

  save(listRef: string, ref: string, manifest: StoredManifest): void {
    const folder = this.#folder(listRef);
    try {
      mkdirSync(folder, { recursive: true, mode: 0o755 });
      writeFileSync(join(folder, fileName(ref)), JSON.stringify(manifest));
    } catch (error) {
      throw new EngineError(
        'failed-precondition',
        `could not keep the list in ${folder}: ${messageOf(error)}`,
        {
          cause: error,
          hint: 'Make the folder writable, or choose another with --config or DOCKER_CONFIG.',
        },
      );
    }
  }

  remove(listRef: string): void {
    rmSync(this.#folder(listRef), { recursive: true, force: true });
  }

  #folder(listRef: string): string {
    return join(this.#root, fileName(listRef));
  }
}

/** References have no `..` and none begins with a point: what remains is a name within the folder. */
function fileName(ref: string): string {
  return ref.replaceAll(':', '-').replaceAll('/', '_');
}

function readManifest(path: string): StoredManifest {
  const text = readFileSync(path, 'utf8');
  try {
    // Written by this program or by docker's client.
    return JSON.parse(text) as StoredManifest;
  } catch (error) {
    throw new EngineError('data-loss', `${path} is no JSON: ${messageOf(error)}`, {
      cause: error,
      hint: 'Remove the list with "gantry manifest rm" and make it anew.',
    });
  }
}

function noSuchManifest(error: unknown, ref: string): unknown {
  const isMissing = errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR';
  return isMissing ? new EngineError('not-found', `No such manifest: ${ref}`, { cause: error }) : error;
}
