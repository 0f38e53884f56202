/** `POST /images/{name}/push`. */
import { pushImage } from '../engine/images.ts';
import { parseReference } from '../oci/reference.ts';
import { type Call, param } from './call.ts';
import { encodeProgress } from './image-transfer.ts';
import { platformOf } from './platform-query.ts';
import { registryAuth } from './registry-auth.ts';
import { ProgressStream } from './stream-response.ts';

/** `tag` names one; without it all tags of the repository are pushed, unless the name has one itself. */
export function postImagePush(call: Call): Promise<void> {
  const stream = new ProgressStream(call);
  const tag = call.query.text('tag');
  const platform = platformOf(call.query);
  const auth = registryAuth(call);
  return stream.run(async () => {
    const { domain, path, ...suffix } = parseReference(param(call, 'name'));
    const named = tag === '' ? suffix : { tag };
    const name = `${domain}/${path}`;
    const reference = 'tag' in named ? `${name}:${named.tag}` : name;
    await pushImage(call.engine, {
      reference: suffix.digest === undefined ? reference : `${name}@${suffix.digest}`,
      allTags: !('tag' in named),
      progress: (message) => stream.send(encodeProgress(message)),
      onPushed: ({ tag: pushed, digest, size }) =>
        stream.send({ progressDetail: {}, aux: { Tag: pushed, Digest: digest, Size: size } }),
      signal: call.signal,
      ...(platform === undefined ? {} : { platform }),
      ...(auth === undefined ? {} : { auth }),
    });
  });
}
