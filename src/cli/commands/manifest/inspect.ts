/** `gantry manifest inspect`. */
import type { RemoteManifestRow } from '../../../wire/image.ts';
import { defineCommand } from '../../command.ts';
import type { Context } from '../../context.ts';
import { toggle } from '../../flags/kinds.ts';
import type { ImageName } from '../../image-name.ts';
import { fetchManifests, noSuchManifest } from '../../manifests/fetch-manifests.ts';
import { listDocument } from '../../manifests/list-document.ts';
import { fullWithTag, parseManifestName } from '../../manifests/manifest-reference.ts';
import { ManifestStore } from '../../manifests/manifest-store.ts';
import {
  isIndex,
  manifestText,
  platformsOf,
  storedManifestText,
  storedText,
  verboseText,
} from '../../output/manifest-text.ts';

export const inspect = defineCommand({
  usage: '[OPTIONS] [MANIFEST_LIST] MANIFEST',
  description:
    'Shows a list that "gantry manifest create" made here, or else asks the registry; nothing is pulled. With two names: an image of a list made here.',
  examples: [
    ['manifest inspect alpine', 'Which platforms there are'],
    ['manifest inspect -v alpine', 'The manifest of each'],
  ],
  arguments: [1, 2],
  flags: {
    insecure: toggle('Allow communication with an insecure registry'),
    verbose: toggle('Output additional info including layers and platform', { short: 'v' }),
  },
  run: async (context, { flags, positional: [first = '', second] }) => {
    const store = new ManifestStore(context.configFolder);
    const name = parseManifestName(second ?? first);
    const ref = fullWithTag(name);
    if (second !== undefined) {
      const stored = store.get(fullWithTag(parseManifestName(first)), ref);
      context.io.stdout.write(flags.verbose ? storedText(stored) : storedManifestText(stored));
    } else if (store.has(ref)) {
      const list = store.list(ref);
      context.io.stdout.write(flags.verbose ? storedText(list) : `${listDocument(ref, list).text}\n`);
    } else context.io.stdout.write(await remote(context, name, flags));
    return 0;
  },
});

async function remote(
  context: Context,
  name: ImageName,
  { insecure, verbose }: { insecure: boolean; verbose: boolean },
): Promise<string> {
  const ask = (expand: boolean) => fetchManifests(context, name, { insecure, expand });
  const [manifest] = await ask(false);
  if (manifest === undefined) throw noSuchManifest(name);
  return verbose ? await verboseRemote(manifest, name, ask) : manifestText(manifest);
}

/** Of an index each of the manifests in it, named by digest. */
async function verboseRemote(
  manifest: RemoteManifestRow,
  name: ImageName,
  ask: (expand: boolean) => Promise<readonly RemoteManifestRow[]>,
): Promise<string> {
  const isList = isIndex(manifest);
  const manifests = (await ask(true)).filter((row) => !isIndex(row));
  const full = fullWithTag(name);
  if (!isList)
    return verboseText(
      manifests.map((row) => ({ ...row, Ref: full })),
      false,
    );
  const platforms = platformsOf(manifest);
  const named = manifests.map((row) => {
    // The index has it as its maker wrote it.
    const platform = platforms.get(row.Digest) ?? row.Platform;
    return {
      ...row,
      Ref: `${full}@${row.Digest}`,
      ...(platform === undefined ? {} : { Platform: platform }),
    };
  });
  return verboseText(named, true);
}
