/** Where the files of a classic build come from: the request's body, or an address. */
import type { BuildContext } from '../build/build-types.ts';
import { ReceivedContext } from '../build/received-context.ts';
import { EngineError } from '../errors/engine-error.ts';
import type { Call } from './call.ts';
import { uploadOf } from './upload.ts';

export type OpenContext = BuildContext & { close(): Promise<void> };

/** The body, or `remote`: a repository, an archive, or a Dockerfile alone. EngineErrors `invalid-argument`, `unavailable`. */
export async function openClassicContext(call: Call): Promise<OpenContext> {
  const remote = call.query.optional('remote');
  if (remote === undefined || remote === 'client-session') return await fromBody(call);
  call.request.resume();
  return call.builder.contexts.remote(remote, call.query.optional('dockerfile'));
}

/** As Docker has it, the type need not be right, but may not be another's. */
async function fromBody(call: Call): Promise<OpenContext> {
  const type = (call.request.headers['content-type'] ?? '').split(';', 1)[0]?.trim() ?? '';
  if (type !== '' && type !== 'application/octet-stream' && !type.includes('tar'))
    throw new EngineError('invalid-argument', `Content-Type must be application/x-tar, not ${type}`);
  return await ReceivedContext.ofTar(call.engine, uploadOf(call.request), call.signal);
}
