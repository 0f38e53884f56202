/** `gantry manifest inspect`. */
import { segment } from '../../../client/query.ts';
import { EngineError, isEngineError } from '../../../errors/engine-error.ts';
import type { RemoteManifestRow } from '../../../wire/image.ts';
import { defineCommand } from '../../command.ts';
import type { Context } from '../../context.ts';
import { registryAuthHeader } from '../../credentials/registry-auth.ts';
import { toggle } from '../../flags/kinds.ts';
import { familiarWithTag, type ImageName, parseImageName } from '../../image-name.ts';
import { isIndex, manifestText, platformsOf, verboseText } from '../../output/manifest-text.ts';

export const inspect = defineCommand({
  usage: '[OPTIONS] MANIFEST',
  description: 'Asks the registry; nothing is pulled.',
  examples: [
    ['manifest inspect alpine', 'Which platforms there are'],
    ['manifest inspect -v alpine', 'The manifest of each'],
  ],
  arguments: [1, 1],
  flags: {
    insecure: toggle('Allow communication with an insecure registry'),
    verbose: toggle('Output additional info including layers and platform', { short: 'v' }),
  },
  run: async (context, { flags, positional }) => {
    const name = parseImageName(positional[0] ?? '');
    const ask = (expand: boolean) => fetchManifests(context, name, { insecure: flags.insecure, expand });
    const [manifest] = await ask(false);
    if (manifest === undefined) throw noSuchManifest(name);
    const text = flags.verbose ? await verbose(manifest, name, ask) : manifestText(manifest);
    context.io.stdout.write(text);
    return 0;
  },
});

/** EngineError `not-found` "no such manifest: NAME", and the daemon's. */
export async function fetchManifests(
  context: Context,
  name: ImageName,
  query: { insecure: boolean; expand: boolean },
): Promise<readonly RemoteManifestRow[]> {
  const headers = registryAuthHeader(context, name.full);
  const path = `/gantry/manifests/${segment(familiarWithTag(name))}`;
  try {
    return await context.client.call<RemoteManifestRow[]>('GET', path, { query, headers });
  } catch (error) {
    throw isEngineError(error, 'not-found') ? noSuchManifest(name, error) : error;
  }
}

function noSuchManifest(name: ImageName, cause?: unknown): EngineError {
  return new EngineError('not-found', `no such manifest: ${fullWithTag(name)}`, { cause });
}

function fullWithTag(name: ImageName): string {
  return `${name.full}${familiarWithTag(name).slice(name.familiar.length)}`;
}

/** Of an index each of the manifests in it, named by digest. */
async function verbose(
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
