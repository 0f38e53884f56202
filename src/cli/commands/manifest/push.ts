/** `gantry manifest push`. */
import { segment } from '../../../client/query.ts';
import { EngineError } from '../../../errors/engine-error.ts';
import type { ManifestPutRequest, ManifestPutResponse } from '../../../wire/image.ts';
import { defineCommand } from '../../command.ts';
import type { Context } from '../../context.ts';
import { registryAuthHeader } from '../../credentials/registry-auth.ts';
import { toggle } from '../../flags/kinds.ts';
import { familiarWithTag, type ImageName, parseImageName } from '../../image-name.ts';
import { checkPlatforms, listDocument } from '../../manifests/list-document.ts';
import { fullWithTag, parseManifestName } from '../../manifests/manifest-reference.ts';
import { ManifestStore, type StoredManifest } from '../../manifests/manifest-store.ts';

export const push = defineCommand({
  usage: '[OPTIONS] MANIFEST_LIST',
  description:
    'Sends the list to its registry. Images of other repositories of that registry are mounted into the one of the list first.',
  examples: [['manifest push --purge r.example/app:1', 'And forget the list here']],
  arguments: [1, 1],
  flags: {
    insecure: toggle('Allow push to an insecure registry'),
    purge: toggle('Remove the local manifest list after push', { short: 'p' }),
  },
  run: async (context, { flags, positional: [list = ''] }) => {
    const target = parseManifestName(list);
    const listRef = fullWithTag(target);
    const store = new ManifestStore(context.configFolder);
    const manifests = store.list(listRef);
    if (manifests.length === 0) throw new EngineError('not-found', `${listRef} not found`);
    checkPlatforms(manifests);
    const { mediaType, text } = listDocument(listRef, manifests);
    for (const manifest of manifests) await bring(context, target, manifest, flags.insecure);
    const body = { MediaType: mediaType, Data: Buffer.from(text).toString('base64') };
    const digest = await put(context, familiarWithTag(target), target, body, flags.insecure);
    context.io.stdout.write(`${digest}\n`);
    if (flags.purge) store.remove(listRef);
    return 0;
  },
});

/** Into the repository of the list, where it is of another one. */
async function bring(
  context: Context,
  target: ImageName,
  { Ref, Raw = '', Descriptor }: StoredManifest,
  insecure: boolean,
): Promise<void> {
  const source = parseImageName(Ref);
  if (source.full === target.full) return;
  const body = { MediaType: Descriptor.mediaType, Data: Raw, From: source.familiar };
  const digest = await put(context, `${target.familiar}@${Descriptor.digest}`, target, body, insecure);
  context.io.stdout.write(`Pushed ref ${target.full}@${Descriptor.digest} with digest: ${digest}\n`);
}

async function put(
  context: Context,
  name: string,
  target: ImageName,
  json: ManifestPutRequest,
  insecure: boolean,
): Promise<string> {
  const headers = registryAuthHeader(context, target.full);
  const path = `/gantry/manifests/${segment(name)}`;
  const options = { query: { insecure }, json, headers };
  return (await context.client.call<ManifestPutResponse>('PUT', path, options)).Digest;
}
