/** Where the files of a classic build come from: the request's body, or an address. */
import { Readable } from 'node:stream';
import type { BuildContext } from '../build/build-types.ts';
import { ReceivedContext } from '../build/received-context.ts';
import { EngineError } from '../errors/engine-error.ts';
import { openImportSource } from '../images/import-source.ts';
import type { Call } from './call.ts';
import { uploadOf } from './upload.ts';

export interface OpenContext {
  context: BuildContext;
  /** Where the address was that of a Dockerfile: it alone is the context. */
  dockerfileName?: string;
  close(): Promise<void>;
}

const tarTypes = new Set(['', 'application/x-tar', 'application/tar', 'application/octet-stream']);
/** Bytes of a Dockerfile that is fetched. */
const maxText = 16 * 1024 * 1024;

/** EngineErrors `invalid-argument`, `unavailable`, `not-implemented`. */
export async function openClassicContext(call: Call): Promise<OpenContext> {
  const remote = call.query.optional('remote');
  if (remote === undefined || remote === 'client-session') return await fromBody(call);
  call.request.resume();
  if (isHttp(remote) && !/\.git(?:#.*)?$/.test(remote)) return await fromHttp(call, remote);
  throw new EngineError('not-implemented', `the context ${remote} is a repository, which is not read here`);
}

function isHttp(address: string): boolean {
  return /^https?:\/\//.test(address);
}

/** As Docker has it, the type need not be right, but may not be another's. */
async function fromBody(call: Call): Promise<OpenContext> {
  const type = (call.request.headers['content-type'] ?? '').split(';', 1)[0]?.trim() ?? '';
  if (!tarTypes.has(type) && !type.includes('tar'))
    throw new EngineError('invalid-argument', `Content-Type must be application/x-tar, not ${type}`);
  return opened(await ReceivedContext.ofTar(call.engine, uploadOf(call.request), call.signal));
}

function opened(context: ReceivedContext): OpenContext {
  return { context, close: () => context.close() };
}

/** A tar, or a text: that is a Dockerfile then. */
async function fromHttp(call: Call, address: string): Promise<OpenContext> {
  const { body } = await openImportSource(address, call.signal);
  const { head, rest } = await splitHead(body);
  if (isText(head)) {
    const content = await collect(rest);
    const context = await ReceivedContext.ofFile(call.engine, 'Dockerfile', content);
    return { ...opened(context), dockerfileName: 'Dockerfile' };
  }
  return opened(await ReceivedContext.ofTar(call.engine, rest, call.signal));
}

/** The first block, and all of it again. */
async function splitHead(body: Readable): Promise<{ head: Buffer; rest: Readable }> {
  const chunks: AsyncIterator<Buffer> = body[Symbol.asyncIterator]();
  const first = await chunks.next();
  const head = first.done === true ? Buffer.alloc(0) : Buffer.from(first.value);
  const all = async function* (): AsyncGenerator<Buffer> {
    yield head;
    for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) yield next.value;
  };
  return { head, rest: Readable.from(all(), { objectMode: false }) };
}

/** No zeros, and no magic of a compression, at its beginning. */
function isText(head: Buffer): boolean {
  return (
    head.length > 0 &&
    head.subarray(0, 512).every((byte) => byte === 9 || byte === 10 || byte === 13 || byte >= 32) &&
    head[0] !== 0xfd
  );
}

async function collect(body: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > maxText)
      throw new EngineError('resource-exhausted', `the Dockerfile is larger than ${maxText} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
