/** `GET /containers/{id}/logs`, and Gantry's own `DELETE /gantry/containers/{id}/logs`. */
import { clearLogs } from '../engine/clear-logs.ts';
import type { LogBatch } from '../engine/log/decoder.ts';
import { readLogs } from '../engine/logs.ts';
import { EngineError } from '../errors/engine-error.ts';
import { fillFrameHeaders, frameHeader, frameHeaderSize } from '../wire/raw-stream.ts';
import { type Call, param } from './call.ts';
import { textOf } from './http-status.ts';
import { streamContentType, writeChunk } from './session-pump.ts';
import { openStream, writeThrough } from './stream-response.ts';

export async function getLogs(call: Call): Promise<void> {
  const { query } = call;
  const [stdout, stderr] = [query.boolean('stdout'), query.boolean('stderr')];
  if (!stdout && !stderr) {
    throw new EngineError('invalid-argument', 'Bad parameters: you must choose at least one stream');
  }
  const options = {
    stdout,
    stderr,
    follow: query.boolean('follow'),
    timestamps: query.boolean('timestamps'),
    details: query.boolean('details'),
    headRoom: copiesStreams(call) ? 0 : frameHeaderSize,
    tail: query.optional('tail') ?? 'all',
    ...timeRange(call),
  };
  const { tty, lines } = await readLogs(call.engine, param(call, 'id'), options, call.signal);
  openStream(call, streamContentType(call, tty));
  await sendLines(call, tty, lines);
}

/** Removes what a container has logged so far. */
export async function deleteLogs(call: Call): Promise<void> {
  await clearLogs(call.engine, param(call, 'id'));
  call.response.statusCode = 204;
  call.response.end();
}

async function sendLines(call: Call, tty: boolean, lines: AsyncIterable<LogBatch>): Promise<void> {
  try {
    for await (const batch of lines) {
      if (!(await sendBatch(call, tty, batch))) return;
    }
  } catch (error) {
    /* The status is long gone: a frame of its own kind carries the error. */
    const text = Buffer.from(`Error grabbing logs: ${textOf(error)}\n`);
    if (!call.signal.aborted && !tty) call.response.write(frameHeader('systemerr', text.length));
    if (!call.signal.aborted) call.response.write(text);
  } finally {
    call.response.end();
  }
}

/** False once the client is gone. */
function sendBatch(call: Call, tty: boolean, { stream, data, ends }: LogBatch): Promise<boolean> {
  if (tty || copiesStreams(call)) return writeChunk(call.response, tty, stream, data);
  fillFrameHeaders(stream, data, ends);
  return writeThrough(call.response, data);
}

/**
 * Libraries hand out frame by frame, and their users take each for a line: they get a frame for each message, as from Docker. The command
 * lines only copy what is in the frames, and do so six times as fast when these are large.
 */
function copiesStreams(call: Call): boolean {
  return /^(docker-client|gantry)\b/i.test(call.request.headers['user-agent'] ?? '');
}

function timeRange(call: Call): { since?: string; until?: string } {
  const since = call.query.optional('since');
  const until = call.query.optional('until');
  return { ...(since === undefined ? {} : { since }), ...(until === undefined ? {} : { until }) };
}
