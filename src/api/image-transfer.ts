/** Images that come in: pull, import and load, each answered with a stream of progress. */
import type { Readable } from 'node:stream';
import { importImage, loadImage, pullAllTags, pullImage } from '../engine/images.ts';
import { EngineError } from '../errors/engine-error.ts';
import type { ProgressMessage, PullRequest } from '../images/image-types.ts';
import { openImportSource } from '../images/import-source.ts';
import { parseReference } from '../oci/reference.ts';
import type { ProgressMessage as WireProgress } from '../wire/progress-message.ts';
import type { Call } from './call.ts';
import { platformOf } from './platform-query.ts';
import { registryAuth } from './registry-auth.ts';
import { ProgressStream } from './stream-response.ts';
import { uploadOf } from './upload.ts';

/** `fromImage` pulls, `fromSrc` imports. */
export async function postImageCreate(call: Call): Promise<void> {
  const image = call.query.optional('fromImage');
  if (image !== undefined) return pull(call, image);
  const source = call.query.optional('fromSrc');
  if (source === undefined)
    throw new EngineError('invalid-argument', 'fromImage or fromSrc must be given', {
      hint: 'send the archive as the body, with fromSrc=-',
    });
  return importTar(call, source);
}

function pull(call: Call, image: string): Promise<void> {
  const stream = new ProgressStream(call);
  const platform = call.query.optional('platform');
  const auth = registryAuth(call);
  return stream.run(async () => {
    // `pull -a` of some clients ends in a colon.
    const reference = referenceOf(image.replace(/:$/, ''), call.query.text('tag'));
    const request: PullRequest = {
      reference,
      progress: (message) => stream.send(encodeProgress(message)),
      signal: call.signal,
      ...(platform === undefined ? {} : { platform }),
      ...(auth === undefined ? {} : { auth }),
    };
    const { tag, digest } = parseReference(reference);
    if (tag === undefined && digest === undefined) await pullAllTags(call.engine, request);
    else await pullImage(call.engine, request);
  });
}

/** From the body, or from a URL that the daemon reads. */
function importTar(call: Call, source: string): Promise<void> {
  const { query } = call;
  const stream = new ProgressStream(call);
  const repo = query.text('repo');
  const platform = query.optional('platform');
  return stream.run(async () => {
    const options = {
      changes: query.all('changes'),
      message: query.optional('message') ?? `Imported from ${source}`,
      ...(repo === '' ? {} : { reference: referenceOf(repo, query.text('tag')) }),
      ...(platform === undefined ? {} : { platform }),
    };
    const tar = source === '-' ? uploadOf(call.request) : await download(call, stream, source);
    const image = await importImage(call.engine, tar, options, call.signal);
    stream.send({ status: image.id });
  });
}

async function download(call: Call, stream: ProgressStream, source: string): Promise<Readable> {
  const { url, body, length } = await openImportSource(source, call.signal);
  stream.send({ status: `Downloading from ${url}` });
  let [current, reportedAt] = [0, 0];
  body.on('data', (chunk: Uint8Array) => {
    current += chunk.length;
    if (Date.now() - reportedAt < 100 && current !== length) return;
    reportedAt = Date.now();
    stream.send(encodeProgress({ status: 'Importing', current, total: length ?? 0 }));
  });
  body.pause();
  return body;
}

export function postImagesLoad(call: Call): Promise<void> {
  const stream = new ProgressStream(call);
  const quiet = call.query.boolean('quiet');
  const platform = platformOf(call.query);
  return stream.run(async () => {
    await loadImage(
      call.engine,
      uploadOf(call.request),
      (message) => {
        if (!quiet || message.stream !== undefined) stream.send(encodeProgress(message));
      },
      call.signal,
      platform === undefined ? {} : { platform },
    );
  });
}

/** Without a tag in either place, all tags are meant. */
function referenceOf(name: string, tag: string): string {
  if (tag === '') return name;
  return /^[a-z0-9]+:[0-9a-f]{32,}$/i.test(tag) ? `${name}@${tag}` : `${name}:${tag}`;
}

export function encodeProgress(message: ProgressMessage): WireProgress {
  if (message.stream !== undefined) return { stream: message.stream };
  const { current, total } = message;
  const isLayer = message.id !== undefined;
  const detail = { ...(current === undefined ? {} : { current }), ...(total === undefined ? {} : { total }) };
  return {
    ...(message.status === undefined ? {} : { status: message.status }),
    ...(isLayer || current !== undefined ? { progressDetail: detail } : {}),
    ...(current === undefined || total === undefined ? {} : { progress: bar(current, total) }),
    ...(isLayer ? { id: message.id } : {}),
  };
}

/** The bar that Docker draws for clients which don't: 50 cells, then the sizes. */
function bar(current: number, total: number): string {
  const filled = total > 0 ? Math.min(50, Math.floor((current / total) * 50)) : 0;
  const cells = filled < 50 ? `${'='.repeat(filled)}>${' '.repeat(49 - filled)}` : `${'='.repeat(50)}>`;
  return `[${cells}] ${humanSize(current).padStart(8)}/${humanSize(total)}`;
}

/** Decimal units, four digits. */
function humanSize(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${Number(value.toPrecision(4))}${units[unit]}`;
}
