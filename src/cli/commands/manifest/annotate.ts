/** `gantry manifest annotate`. */
import { EngineError, isEngineError } from '../../../errors/engine-error.ts';
import { defineCommand } from '../../command.ts';
import type { FlagValues } from '../../flags/flag.ts';
import { list, text } from '../../flags/kinds.ts';
import { isKnownPlatform } from '../../manifests/known-platforms.ts';
import { fullWithTag, parseManifestName } from '../../manifests/manifest-reference.ts';
import { ManifestStore, type StoredManifest, type StoredPlatform } from '../../manifests/manifest-store.ts';

const flags = {
  arch: text('Set architecture'),
  os: text('Set operating system'),
  'os-features': list('Set operating system feature', { type: 'strings' }),
  'os-version': text('Set operating system version'),
  variant: text('Set architecture variant'),
} as const;

export const annotate = defineCommand({
  usage: '[OPTIONS] MANIFEST_LIST MANIFEST',
  examples: [
    [
      'manifest annotate --arch arm --variant v7 r.example/app:1 r.example/app:1-arm',
      'Which processor it is for',
    ],
  ],
  arguments: [2, 2],
  flags,
  run: async (context, { flags: given, positional: [target = '', image = ''] }) => {
    const listRef = fullWithTag(parseManifestName(target, 'annotate: error parsing name for manifest list'));
    const ref = fullWithTag(parseManifestName(image, 'annotate: error parsing name for manifest'));
    const store = new ManifestStore(context.configFolder);
    const manifest = find(store, listRef, ref, `manifest for image ${image} does not exist in ${target}`);
    const platform = annotated(manifest.Descriptor.platform ?? { architecture: '', os: '' }, given);
    if (!isKnownPlatform(platform.os, platform.architecture)) {
      const message = `manifest entry for image has unsupported os/arch combination: ${given.os}/${given.arch}`;
      throw new EngineError('invalid-argument', message);
    }
    store.save(listRef, ref, { ...manifest, Descriptor: { ...manifest.Descriptor, platform } });
    return 0;
  },
});

function find(store: ManifestStore, listRef: string, ref: string, missing: string): StoredManifest {
  try {
    return store.get(listRef, ref);
  } catch (error) {
    throw isEngineError(error, 'not-found') ? new EngineError('not-found', missing, { cause: error }) : error;
  }
}

function annotated(platform: StoredPlatform, given: FlagValues<typeof flags>): StoredPlatform {
  const version = given['os-version'] || platform['os.version'] || '';
  const added = given['os-features'].flatMap((text) => text.split(','));
  const features = [...new Set([...(platform['os.features'] ?? []), ...added])];
  const variant = given.variant || platform.variant || '';
  return {
    architecture: given.arch || platform.architecture,
    os: given.os || platform.os,
    ...(version === '' ? {} : { 'os.version': version }),
    ...(features.length === 0 ? {} : { 'os.features': features }),
    ...(variant === '' ? {} : { variant }),
  };
}
