/** What a gRPC call ends with: its status as HTTP/2 trailers, and errors as statuses with typed details. */
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http2';
import { EngineError, isEngineError, messageOf } from '../../errors/engine-error.ts';
import { type Any, RpcStatus } from '../../wire/buildkit/common-messages.ts';
import { errorCodeOf, grpcCode, grpcCodeOf } from '../../wire/buildkit/grpc-codes.ts';
import type { ValueOf } from '../../wire/buildkit/protobuf.ts';

export interface CallStatus {
  code: number;
  message: string;
  details: Array<ValueOf<typeof Any>>;
}

export const okStatus: CallStatus = { code: grpcCode.ok, message: '', details: [] };

/** An error that has chosen its status itself. */
export class StatusError extends EngineError {
  readonly callStatus: CallStatus;

  constructor(status: CallStatus, cause?: unknown) {
    super(errorCodeOf(status.code), status.message, cause === undefined ? {} : { cause });
    this.callStatus = status;
  }
}

export function statusOfError(error: unknown): CallStatus {
  if (error instanceof StatusError) return error.callStatus;
  const code = isEngineError(error) ? grpcCodeOf(error.code) : grpcCode.internal;
  return { code, message: messageOf(error), details: [] };
}

export function trailersOf(status: CallStatus): OutgoingHttpHeaders {
  const trailers: OutgoingHttpHeaders = {
    'grpc-status': String(status.code),
    'grpc-message': percentEncoded(status.message),
  };
  if (status.details.length > 0) {
    trailers['grpc-status-details-bin'] = RpcStatus.encode(status).toString('base64').replace(/=+$/, '');
  }
  return trailers;
}

/** Everything but printable ASCII, and the percent sign, as %XX of its UTF-8. */
function percentEncoded(text: string): string {
  return [...Buffer.from(text)]
    .map((byte) =>
      byte >= 0x20 && byte <= 0x7e && byte !== 0x25
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`,
    )
    .join('');
}

/** Throws what the headers or trailers of a call say went wrong; nothing where they say nothing, or that all went well. */
export function throwStatus(headers: IncomingHttpHeaders): void {
  const code = headers['grpc-status'];
  if (code === undefined || code === '0') return;
  const message = headers['grpc-message'];
  const text = percentDecoded(typeof message === 'string' ? message : '');
  throw new EngineError(
    errorCodeOf(Number(code)),
    text === '' ? `the call failed with status ${code}` : text,
  );
}

function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
