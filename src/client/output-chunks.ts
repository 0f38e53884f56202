/** What a process writes, as the client hands it out: stdout and stderr, with the daemon's own errors thrown. */
import { EngineError } from '../errors/engine-error.ts';
import type { Frame } from '../wire/raw-stream.ts';

export interface OutputChunk {
  /** A terminal has stdout only. */
  stream: 'stdout' | 'stderr';
  data: Buffer;
}

/** All of it, decoded as UTF-8. */
export interface OutputText {
  stdout: string;
  stderr: string;
}

/** EngineError `internal` where the daemon reports an error in the middle of the stream. */
export async function* outputChunks(frames: AsyncIterable<Frame>): AsyncGenerator<OutputChunk, void> {
  for await (const { stream, data } of frames) {
    if (stream === 'systemerr')
      throw new EngineError('internal', `error from daemon in stream: ${data.toString()}`);
    yield { stream: stream === 'stderr' ? 'stderr' : 'stdout', data };
  }
}

/** Reads output to its end. It is kept in memory: for what is known to be small. */
export async function outputText(chunks: AsyncIterable<OutputChunk>): Promise<OutputText> {
  const parts: Record<OutputChunk['stream'], Buffer[]> = { stdout: [], stderr: [] };
  for await (const { stream, data } of chunks) parts[stream].push(data);
  return {
    stdout: Buffer.concat(parts.stdout).toString(),
    stderr: Buffer.concat(parts.stderr).toString(),
  };
}
