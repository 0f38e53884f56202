/** Outputs `tar` and `local`: the file systems of the images, whiteouts applied. */
import { randomBytes } from 'node:crypto';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Engine } from '../../engine/engine.ts';
import { formatPlatform } from '../../oci/platform.ts';
import { removeTree } from '../../snapshots/remove-tree.ts';
import type { BuildOutput } from '../build-types.ts';
import type { BuiltImage } from '../built-image.ts';
import type { Files } from '../files/files-types.ts';
import { flagOf } from './output-options.ts';

type TarOutput = Extract<BuildOutput, { kind: 'tar' | 'docker' | 'oci' }>;
type LocalOutput = Extract<BuildOutput, { kind: 'local' }>;

/** One directory a platform, where there are several; BuildKit's names. */
function directoryOf({ platform }: BuiltImage): string {
  return formatPlatform(platform).replaceAll('/', '_');
}

function isSplit(images: readonly BuiltImage[], attributes: TarOutput['attributes'] = {}): boolean {
  return flagOf(attributes, 'platform-split') ?? images.length > 1;
}

/** Hard links, owners and attributes are in it. All times are `epoch` (seconds since 1970), where there is one. */
export async function writeTar(
  engine: Pick<Engine, 'snapshots'>,
  images: readonly BuiltImage[],
  output: TarOutput,
  epoch: number | undefined,
  signal: AbortSignal,
): Promise<void> {
  const split = isSplit(images, output.attributes);
  const target = await output.open();
  for (const [index, image] of images.entries()) {
    const isLast = index === images.length - 1;
    const tar = engine.snapshots.mergedTar(
      { chainIds: image.layers.map(({ chainId }) => chainId) },
      {
        isPart: !isLast,
        ...(split ? { prefix: `${directoryOf(image)}/` } : {}),
        ...(epoch === undefined ? {} : { time: epoch }),
      },
    );
    await pipeline(tar, target, { signal, end: isLast });
  }
}

export interface LocalParts {
  engine: Pick<Engine, 'launcher' | 'config'>;
  files: Pick<Files, 'copy' | 'openLayers'>;
}

/** The layers as they are, mounted for reading; a copy below the data root where there are several platforms. */
export async function writeLocal(
  parts: LocalParts,
  images: readonly BuiltImage[],
  output: LocalOutput,
  signal: AbortSignal,
): Promise<void> {
  const only = images.length === 1 ? images[0] : undefined;
  if (only === undefined || isSplit(images, output.attributes))
    return await writeCopy(parts, images, output, signal);
  const tree = await parts.files.openLayers(only.trees);
  try {
    signal.throwIfAborted();
    await output.copy(tree.root, signal);
  } finally {
    await tree.release();
  }
}

async function writeCopy(
  { engine, files }: LocalParts,
  images: readonly BuiltImage[],
  output: LocalOutput,
  signal: AbortSignal,
): Promise<void> {
  const holder = join(exportsOf(engine), randomBytes(8).toString('hex'));
  const [root, work] = [join(holder, 'root'), join(holder, 'work')];
  await mkdir(root, { recursive: true, mode: 0o755 });
  await mkdir(work);
  try {
    for (const image of images) {
      const upper = isSplit(images, output.attributes) ? join(root, directoryOf(image)) : root;
      await mkdir(upper, { recursive: true });
      const tree = { kind: 'layers' as const, trees: image.trees };
      const sources = [{ kind: 'files' as const, tree, patterns: ['/'] }];
      const target = { upper, work, lower: [] };
      await files.copy({ keyword: 'COPY', sources, destination: '/', workdir: '/', target }, signal);
    }
    await output.copy(root, signal);
  } finally {
    await removeTree(engine.launcher, holder, true);
  }
}

/** What a crash left. */
export async function sweepExports(engine: Pick<Engine, 'launcher' | 'config'>): Promise<void> {
  const root = exportsOf(engine);
  for (const name of await readdir(root).catch(() => []))
    await removeTree(engine.launcher, join(root, name), true);
}

function exportsOf({ config }: Pick<Engine, 'config'>): string {
  return join(config.dataRoot, 'build', 'exports');
}
