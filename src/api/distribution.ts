/** What registries say of an image: `/distribution/{name}/json`, and Gantry's own `/gantry/manifests/{name}`. */
import type { Platform } from '../oci/platform.ts';
import type { DistributionResponse } from '../wire/distribution.ts';
import type { ManifestPutResponse, RemoteManifestRow } from '../wire/image.ts';
import { type Call, param, requiredJsonBody } from './call.ts';
import { registryAuth } from './registry-auth.ts';

export async function getDistribution(call: Call): Promise<DistributionResponse> {
  const { images } = call.engine;
  const info = await images.distribution(param(call, 'name'), registryAuth(call), call.signal);
  const { mediaType, digest, size, platforms } = info;
  return { Descriptor: { mediaType, digest, size }, Platforms: platforms.map(encodePlatform) };
}

/** The manifest that the name stands for, or with `expand` all that its index names. */
export async function getRemoteManifests(call: Call): Promise<RemoteManifestRow[]> {
  const { engine, query } = call;
  const options = { expand: query.boolean('expand'), insecure: query.boolean('insecure') };
  const found = await engine.images.remoteManifests(
    param(call, 'name'),
    options,
    registryAuth(call),
    call.signal,
  );
  return found.map(({ reference, mediaType, digest, data, platform }) => ({
    Ref: reference,
    MediaType: mediaType,
    Digest: digest,
    Size: data.length,
    ...(platform === undefined ? {} : { Platform: encodePlatform(platform) }),
    Data: data.toString('base64'),
  }));
}

/** Puts the manifest of the body into a registry under the name. */
export async function putRemoteManifest(call: Call): Promise<ManifestPutResponse> {
  const fields = await requiredJsonBody(call);
  const from = fields.string('From');
  const auth = registryAuth(call);
  const digest = await call.engine.images.putManifest({
    reference: param(call, 'name'),
    mediaType: fields.string('MediaType'),
    data: Buffer.from(fields.string('Data'), 'base64'),
    insecure: call.query.boolean('insecure'),
    ...(from === '' ? {} : { from }),
    ...(auth === undefined ? {} : { auth }),
    signal: call.signal,
  });
  return { Digest: digest };
}

function encodePlatform({ architecture, os, variant }: Platform): Platform {
  return { architecture, os, ...(variant === undefined ? {} : { variant }) };
}
