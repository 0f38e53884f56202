/** `POST /containers/{id}/attach`: how its parameters become a session, and the way of clients that keep to plain HTTP. */
import { attachContainer } from '../engine/attach.ts';
import type { AttachSession } from '../engine/attach-session.ts';
import type { Engine } from '../engine/engine.ts';
import { type Call, param } from './call.ts';
import type { Query } from './query.ts';
import { pumpInput, pumpOutput, streamContentType } from './session-pump.ts';
import { openStream } from './stream-response.ts';

export function openAttach(engine: Engine, ref: string, query: Query): Promise<AttachSession> {
  const detachKeys = query.optional('detachKeys');
  return attachContainer(engine, ref, {
    stdin: query.boolean('stdin'),
    stdout: query.boolean('stdout'),
    stderr: query.boolean('stderr'),
    logs: query.boolean('logs'),
    stream: query.boolean('stream'),
    ...(detachKeys === undefined ? {} : { detachKeys }),
  });
}

/** For a later request on a kept connection without upgrade: the request's body is the input, the answer's the output. */
export async function postAttach(call: Call): Promise<void> {
  const session = await openAttach(call.engine, param(call, 'id'), call.query);
  await serveSession(call, session);
}

/** Serves an attached process within one HTTP request and answer. */
export async function serveSession(call: Call, session: AttachSession): Promise<void> {
  openStream(call, streamContentType(call, session.tty));
  call.signal.addEventListener('abort', () => session.close());
  pumpInput(call.request, session);
  try {
    await pumpOutput(session, call.response);
  } finally {
    session.close();
    call.response.end();
  }
}
