/** A build by Gantry's own protocol: one connection over which the daemon asks for files and secrets, and tells how it goes. */
import type { ApiClient } from '../../client/api-client.ts';
import type { HijackedStream } from '../../client/hijacked-stream.ts';
import { EngineError, isEngineError } from '../../errors/engine-error.ts';
import { type BuildLine, buildSessionPath, type WireBuild } from '../../wire/build-session.ts';
import { Channels, decodeError } from '../../wire/channels.ts';
import { type Answering, answerAsk } from './answers.ts';

export type SessionResult = Extract<BuildLine, { result: unknown }>['result'];
export type SessionFailure = Extract<BuildLine, { failure: unknown }>['failure'];

/** What failed, with what is known of the place. */
export class BuildFailure extends EngineError {
  readonly failure: SessionFailure;

  constructor(failure: SessionFailure) {
    const error = decodeError(failure);
    super(error.code, error.message, {
      ...(error.hint === undefined ? {} : { hint: error.hint }),
      details: error.details,
    });
    this.failure = failure;
  }
}

/** Undefined where the daemon is no Gantry, or gives such connections to others only. */
export async function openBuildSession(client: ApiClient): Promise<HijackedStream | undefined> {
  try {
    return await client.hijack('POST', buildSessionPath);
  } catch (error) {
    if (isEngineError(error, 'not-found') || isEngineError(error, 'forbidden')) return undefined;
    if (isEngineError(error, 'not-implemented') || isEngineError(error, 'invalid-argument')) return undefined;
    throw error;
  }
}

/** BuildFailure where the build failed; EngineError `unavailable` where the connection broke. */
export async function buildOver(
  stream: HijackedStream,
  wire: WireBuild,
  answering: Answering,
  onLine: (line: BuildLine) => void,
): Promise<SessionResult> {
  const channels = new Channels(
    { source: bytesOf(stream), write: (data) => stream.write(data), close: () => stream.close() },
    { isServer: false, onOpen: (heading, channel) => answerAsk(answering, heading, channel) },
  );
  const answer = channels.open(wire);
  answer.end();
  const running = channels.run();
  running.catch((error: unknown) => answer.destroy(error instanceof Error ? error : undefined));
  try {
    for await (const line of linesOf(answer)) {
      if ('result' in line) return line.result;
      if ('failure' in line) throw new BuildFailure(line.failure);
      onLine(line);
    }
  } finally {
    channels.close();
  }
  throw new EngineError('unavailable', 'the daemon ended the build without a result', {
    hint: "Look at the daemon's log: it may have stopped.",
  });
}

async function* bytesOf(stream: HijackedStream): AsyncGenerator<Buffer> {
  for await (const { data } of stream.frames(false)) yield data;
}

async function* linesOf(answer: AsyncIterable<Buffer>): AsyncGenerator<BuildLine> {
  const pending: Buffer[] = [];
  for await (const chunk of answer) {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      const text = Buffer.concat([...pending.splice(0), chunk.subarray(start, end)]).toString('utf8');
      start = end + 1;
      // The daemon's lines are of that type: build-session.ts in the API writes them.
      yield JSON.parse(text) as BuildLine;
    }
    if (start < chunk.length) pending.push(chunk.subarray(start));
  }
}
