/** Connects this process's own input and output with a container's. */
import type { HijackedStream } from '../../client/hijacked-stream.ts';
import { outputChunks } from '../../client/output-chunks.ts';
import type { Io } from '../io.ts';
import { DetachKeyFilter } from './detach-keys.ts';
import { enterRawMode } from './raw-mode.ts';

export interface SessionOptions {
  /** Send stdin. */
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  /** The container has a terminal: raw mode, detach keys, output without frames. */
  tty: boolean;
  detachKeys: readonly number[];
}

/** How a session ended: the container's output did, or the user detached. */
export type SessionEnd = 'output-ended' | 'detached';

/**
 * Copies both directions until the output ends or the user detaches. The end of stdin ends the container's input
 * only. In raw mode the terminal is restored before this returns.
 */
export async function runSession(
  stream: HijackedStream,
  io: Io,
  options: SessionOptions,
): Promise<SessionEnd> {
  const raw = options.tty && options.stdin && io.stdin.isTerminal;
  const restore = raw ? enterRawMode() : undefined;
  const detached = Promise.withResolvers<SessionEnd>();
  try {
    const input = options.stdin
      ? startInput(stream, io, options, () => detached.resolve('detached'))
      : undefined;
    if (input === undefined && !options.tty) stream.endInput();
    const ended = copyOutput(stream, io, options).then((): SessionEnd => 'output-ended');
    const end = await Promise.race([ended, detached.promise]);
    input?.stop();
    return end;
  } finally {
    stream.close();
    restore?.();
  }
}

/** Frames to stdout and stderr; what the daemon says in between is an error. */
export async function copyOutput(
  stream: HijackedStream,
  io: Io,
  options: Pick<SessionOptions, 'stdout' | 'stderr' | 'tty'>,
): Promise<void> {
  for await (const { stream: name, data } of outputChunks(stream.frames(!options.tty))) {
    if (options[name]) await io[name].send(data);
  }
}

function startInput(
  stream: HijackedStream,
  io: Io,
  options: SessionOptions,
  detach: () => void,
): { stop: () => void } {
  const stdin = io.stdin.open();
  const filter = options.tty ? new DetachKeyFilter(options.detachKeys) : undefined;
  const take = async (chunk: Buffer): Promise<void> => {
    const { data, detached } = filter?.push(chunk) ?? { data: chunk, detached: false };
    stdin.pause();
    if (data.length > 0) await stream.write(data);
    if (detached) detach();
    else stdin.resume();
  };
  const onData = (chunk: Buffer) => void take(chunk);
  const onEnd = () => stream.endInput();
  stdin.on('data', onData);
  stdin.once('end', onEnd);
  stdin.once('error', onEnd);
  // Where another session, or the monitor, has paused it before.
  stdin.resume();
  return {
    stop: () => {
      stdin.off('data', onData);
      stdin.pause();
    },
  };
}
