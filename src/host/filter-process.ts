/** Sends a stream through a program of the host, for the rare formats that Node.js does not read. */
import { spawn } from 'node:child_process';
import { PassThrough, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { EngineError, errnoOf, messageOf } from '../errors/engine-error.ts';
import { findProgram } from './facts.ts';

/** Of what a program says when it fails. */
const maxStderr = 2000;

/**
 * What `argv` writes when it reads `source`. The program ends with the stream. Throws EngineError `not-implemented` where the host has no
 * such program; what goes wrong later arrives at the stream: `data-loss` with the program's own words.
 */
export function filterStream(argv: readonly string[], source: Readable, packageName: string): Readable {
  const [name = '', ...args] = argv;
  const program = findProgram(name);
  if (program === undefined) throw missing(name, packageName);
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  const output = new PassThrough();
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => {
    stderr = (stderr + chunk.toString()).slice(0, maxStderr);
  });
  const fed = pipeline(source, child.stdin).catch((error: unknown) => {
    // A program that gave up says why by its status.
    if (errnoOf(error) === 'EPIPE' || errnoOf(error) === 'ERR_STREAM_PREMATURE_CLOSE') return;
    output.destroy(error instanceof Error ? error : new Error(messageOf(error)));
  });
  child.stdout.pipe(output, { end: false });
  child.once('error', (error) => output.destroy(error));
  child.once('close', (code, signal) => {
    if (code === 0) void fed.then(() => output.end());
    else output.destroy(broken(name, stderr.trim() || `status ${code ?? signal}`));
  });
  output.once('close', () => {
    child.kill('SIGKILL');
    source.destroy();
  });
  return output;
}

function missing(name: string, packageName: string): EngineError {
  return new EngineError('not-implemented', `archives compressed with ${name} need the program ${name}`, {
    hint: `install ${packageName} on the daemon's host, or decompress it first: ${name} -d`,
  });
}

function broken(name: string, why: string): EngineError {
  return new EngineError('data-loss', `broken ${name} stream: ${why}`);
}
