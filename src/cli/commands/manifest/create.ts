/** `gantry manifest create`. */
import { EngineError, isEngineError } from '../../../errors/engine-error.ts';
import { anyNumber, defineCommand } from '../../command.ts';
import type { Context } from '../../context.ts';
import { toggle } from '../../flags/kinds.ts';
import type { ImageName } from '../../image-name.ts';
import { fetchImageManifest } from '../../manifests/fetch-manifests.ts';
import { fullWithTag, parseManifestName } from '../../manifests/manifest-reference.ts';
import { ManifestStore, type StoredManifest } from '../../manifests/manifest-store.ts';

export const create = defineCommand({
  usage: 'MANIFEST_LIST MANIFEST [MANIFEST...]',
  description:
    'Makes a list of images for several platforms, on this host. Nothing is sent before "gantry manifest push"; the images are in the registry already.',
  examples: [
    [
      'manifest create r.example/app:1 r.example/app:1-amd64 r.example/app:1-arm64',
      'One name for two platforms',
    ],
    ['manifest create --amend r.example/app:1 r.example/app:1-riscv64', 'And one more'],
  ],
  arguments: [2, anyNumber],
  flags: {
    amend: toggle('Amend an existing manifest list', { short: 'a' }),
    insecure: toggle('Allow communication with an insecure registry'),
  },
  run: async (context, { flags, positional: [list = '', ...images] }) => {
    const listRef = fullWithTag(parseManifestName(list, 'error parsing name for manifest list'));
    const store = new ManifestStore(context.configFolder);
    if (store.has(listRef) && !flags.amend) {
      throw new EngineError('conflict', 'refusing to amend an existing manifest list with no --amend flag');
    }
    for (const image of images) {
      const name = parseManifestName(image);
      const manifest = await knownOrFetched(context, store, listRef, name, flags.insecure);
      store.save(listRef, fullWithTag(name), manifest);
    }
    context.io.stdout.write(`Created manifest list ${listRef}\n`);
    return 0;
  },
});

/** What stands in the list already stays as it was annotated. */
function knownOrFetched(
  context: Context,
  store: ManifestStore,
  listRef: string,
  name: ImageName,
  insecure: boolean,
): Promise<StoredManifest> {
  try {
    const known = store.get(listRef, fullWithTag(name));
    if (known.Raw !== undefined && known.Raw !== '') return Promise.resolve(known);
  } catch (error) {
    if (!isEngineError(error, 'not-found')) throw error;
  }
  return fetchImageManifest(context, name, insecure);
}
