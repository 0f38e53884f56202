/** A connection through ssh: the input and output of `system dial-stdio` on another host, as one stream. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { Duplex, type Readable, type Writable } from 'node:stream';
import { EngineError, errnoOf, messageOf } from '../errors/engine-error.ts';
import { type SshTarget, sshArguments } from './ssh-target.ts';

type SshProcess = ChildProcessByStdio<Writable, Readable, Readable>;

/** What ssh says on stderr is kept up to here, its end counts. */
const stderrLimit = 4096;
/** How long ssh's last words may take after it has ended. */
const lastWordsMs = 200;
/**
 * Ctrl-C is for the command and what it attached to, and must not end the connection under it: ssh leaves SIGINT alone
 * where its parent ignores it.
 */
const launcher = 'trap "" INT QUIT; exec ssh "$@"';

/**
 * Starts ssh. The stream is there at once; where ssh fails, its reader gets EngineError `unavailable` with ssh's own
 * words. Ending the stream ends one direction, destroying it ends ssh.
 */
export function connectSsh(target: SshTarget): Duplex {
  const args = sshArguments(target);
  const child = spawn('/bin/sh', ['-c', launcher, 'ssh', ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
  endWithProcess(child);
  return new SshStream(child, args);
}

class SshStream extends Duplex {
  readonly #child: SshProcess;
  readonly #args: readonly string[];
  #stderr = '';

  constructor(child: SshProcess, args: readonly string[]) {
    super({ allowHalfOpen: true });
    this.#child = child;
    this.#args = args;
    child.stdout.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) child.stdout.pause();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString()).slice(-stderrLimit);
    });
    // A peer that has gone tells more by its exit status.
    child.stdin.on('error', () => undefined);
    child.on('error', (error) => this.destroy(this.#failure(startFailure(error), error)));
    void this.#finish();
  }

  /** Ends the reading side when ssh and its output have ended: only then is it known how. */
  async #finish(): Promise<void> {
    const exit = Promise.withResolvers<string | undefined>();
    this.#child.on('exit', (code, signal) => exit.resolve(exitText(code, signal)));
    const output = streamEnd(this.#child.stdout);
    const words = streamEnd(this.#child.stderr);
    const failure = await exit.promise;
    await output;
    if (failure === undefined) {
      this.push(null);
      return;
    }
    await Promise.race([words, new Promise((resolve) => setTimeout(resolve, lastWordsMs).unref())]);
    this.destroy(this.#failure(`has exited with ${failure}`));
  }

  #failure(what: string, cause?: unknown): EngineError {
    const command = `command [ssh ${this.#args.join(' ')}] ${what}`;
    const text = `${command}, make sure the URL is valid, and Gantry or Docker is installed on the remote host: stderr=${this.#stderr.trim()}`;
    return new EngineError('unavailable', `error during connect: ${text}`, {
      cause,
      hint: 'Check that ssh to that host works by itself, without a question, and that its user may use the daemon there.',
    });
  }

  override _read(): void {
    this.#child.stdout.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const { stdin } = this.#child;
    if (stdin.destroyed || stdin.writableEnded) done();
    else stdin.write(chunk, () => done());
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#child.stdin.end();
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#child.stdin.destroy();
    this.#child.stdout.destroy();
    this.#child.kill();
    done(error);
  }
}

function streamEnd(stream: Readable): Promise<void> {
  return new Promise((resolve) =>
    stream
      .once('end', resolve)
      .once('close', resolve)
      .once('error', () => resolve()),
  );
}

/** undefined for an end without fault. */
function exitText(code: number | null, signal: NodeJS.Signals | null): string | undefined {
  if (code === 0) return undefined;
  return code === null ? `signal ${signal ?? 'unknown'}` : `exit status ${code}`;
}

function startFailure(error: Error): string {
  return errnoOf(error) === 'ENOENT'
    ? 'could not be started: there is no /bin/sh'
    : `could not be started: ${messageOf(error)}`;
}

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** ssh goes when this process goes, also by a signal that nobody else handles. */
function endWithProcess(child: SshProcess): void {
  const end = (): void => {
    child.kill();
  };
  const handlers = signals.map((signal) => [signal, () => endBySignal(signal, end)] as const);
  process.on('exit', end);
  for (const [signal, handler] of handlers) process.on(signal, handler);
  child.on('exit', () => {
    process.off('exit', end);
    for (const [signal, handler] of handlers) process.off(signal, handler);
  });
}

function endBySignal(signal: NodeJS.Signals, end: () => void): void {
  // Where the command has its own plan for the signal, the connection stays.
  if (process.listenerCount(signal) > 1) return;
  end();
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
}
