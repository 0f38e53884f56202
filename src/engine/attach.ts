/** Attaching clients to a container: before it starts, while it runs, with or without what it wrote so far. */
import { EngineError } from '../errors/engine-error.ts';
import type { AttachSession, OutputChunk } from './attach-session.ts';
import { ClientSession } from './client-session.ts';
import type { Container } from './container-table.ts';
import { parseDetachKeys } from './detach-keys.ts';
import type { Engine } from './engine.ts';
import { publishContainerEvent } from './events.ts';
import { readLogs } from './logs.ts';

export interface AttachRequest {
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  /** What was written until now, from the log. */
  logs: boolean;
  /** What is written from now on. */
  stream: boolean;
  /** `ctrl-p,ctrl-q` unless told. */
  detachKeys?: string;
}

/**
 * Resolves at once, also where the container doesn't run: its next start connects the session before the process begins, so that nothing is
 * missed. EngineError `conflict` for a paused or restarting container.
 */
export async function attachContainer(
  engine: Engine,
  ref: string,
  request: AttachRequest,
): Promise<AttachSession> {
  const container = engine.containers.resolve(ref);
  checkAttachable(container);
  const detachKeys = parseDetachKeys(request.detachKeys);
  const { config } = container.record;
  const stop = new AbortController();
  const session = new ClientSession({
    tty: config.tty,
    streams: streamsOf(request, config.openStdin),
    detachKeys,
    onDetach: () => publishContainerEvent(engine.events, container.record, 'detach'),
    ...(request.logs ? { output: logOutput(engine, container, request, stop) } : {}),
  });
  if (request.stream) await connectSession(container, session);
  publishContainerEvent(engine.events, container.record, 'attach');
  return request.logs ? closing(session, stop) : session;
}

function checkAttachable({ id, state }: Container): void {
  if (state.status === 'paused') {
    throw new EngineError('conflict', `container ${id} is paused, unpause the container before attach`);
  }
  if (state.status === 'restarting') {
    throw new EngineError('conflict', `container ${id} is restarting, wait until the container is running`);
  }
}

/** With the log as output, the process is asked for nothing but its input: the log follows it by itself. */
function streamsOf(request: AttachRequest, openStdin: boolean): ClientSession['options'] {
  const live = request.stream && !request.logs;
  return {
    stdin: request.stdin && request.stream && openStdin,
    stdout: live && request.stdout,
    stderr: live && request.stderr,
  };
}

async function connectSession(container: Container, session: ClientSession): Promise<void> {
  const { process } = container;
  if (process !== undefined) session.connect(await process.attach(session.options));
  else container.waitingSessions.add(session);
}

/** The log from its beginning; with `stream` it goes on as long as the container runs. */
async function* logOutput(
  engine: Engine,
  container: Container,
  request: AttachRequest,
  stop: AbortController,
): AsyncGenerator<OutputChunk, void, undefined> {
  const logs = await readLogs(
    engine,
    container.id,
    {
      stdout: request.stdout,
      stderr: request.stderr,
      follow: request.stream,
      timestamps: false,
      details: false,
      tail: 'all',
    },
    stop.signal,
  );
  yield* logs.lines;
}

/** The session, whose end is also that of the log's reader. */
function closing(session: ClientSession, stop: AbortController): AttachSession {
  const { tty, output, input } = session;
  const close = (): void => {
    stop.abort();
    session.close();
  };
  return { tty, output, close, ...(input === undefined ? {} : { input }) };
}
