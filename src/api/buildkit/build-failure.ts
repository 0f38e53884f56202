/** A build's error as BuildKit tells it: a status with details, from which clients print the place in the Dockerfile. */
import type { BuildVertex } from '../../build/build-types.ts';
import { DockerfileError } from '../../build/dockerfile/errors.ts';
import { isEngineError } from '../../errors/engine-error.ts';
import { grpcCode } from '../../wire/buildkit/grpc-codes.ts';
import { textOf } from '../http-status.ts';
import { rangeOf } from './build-log.ts';
import { type CallStatus, StatusError } from './grpc-status.ts';

/** The types of details (containerd's typeurl): values are JSON. */
const typePrefix = 'github.com/moby/buildkit/errdefs.';

export interface FailureFacts {
  /** The step that failed. */
  vertex: BuildVertex | undefined;
  /** The Dockerfile, where it was read. */
  file: { name: string; data: Buffer } | undefined;
}

export function failureStatus(error: unknown, facts: FailureFacts): CallStatus {
  if (error instanceof StatusError) return error.callStatus;
  /* Any other code would be written before the message. */
  const code = isEngineError(error, 'cancelled') ? grpcCode.cancelled : grpcCode.unknown;
  return { code, message: textOf(error), details: [...sourceDetail(error, facts), ...vertexDetail(facts)] };
}

function vertexDetail({ vertex }: FailureFacts): CallStatus['details'] {
  return vertex === undefined ? [] : [detail('Vertex', { digest: vertex.digest })];
}

function sourceDetail(error: unknown, { vertex, file }: FailureFacts): CallStatus['details'] {
  const place = placeOf(error) ?? (file === undefined ? undefined : stepPlace(vertex, file));
  if (place === undefined) return [];
  const info = { filename: place.name, data: place.data.toString('base64'), language: 'Dockerfile' };
  return [detail('Source', { info, ranges: [rangeOf(place.lines)] })];
}

interface Place {
  name: string;
  data: Buffer;
  lines: readonly [number, number];
}

function placeOf(error: unknown): Place | undefined {
  if (!(error instanceof DockerfileError) || error.range === undefined) return undefined;
  const { source, range } = error;
  const lines = [range.start.line, range.end.line] as const;
  return { name: source.name, data: Buffer.from(source.lines.join('\n')), lines };
}

function stepPlace(vertex: BuildVertex | undefined, file: { name: string; data: Buffer }): Place | undefined {
  return vertex?.lines === undefined ? undefined : { ...file, lines: vertex.lines };
}

function detail(type: string, value: unknown): CallStatus['details'][number] {
  return { typeUrl: `${typePrefix}${type}+json`, value: Buffer.from(JSON.stringify(value)) };
}
