/** Content by digest at the client's: OCI layouts that it reads from or writes to (containerd.services.content.v1). */
import { Readable } from 'node:stream';
import type { LayoutAccess } from '../../build/build-types.ts';
import { EngineError, isEngineError } from '../../errors/engine-error.ts';
import {
  ReadContentRequest,
  ReadContentResponse,
  WriteContentRequest,
  WriteContentResponse,
  writeAction,
} from '../../wire/buildkit/session-messages.ts';
import type { ClientCall } from './grpc-client.ts';
import type { BuildSession } from './session-registry.ts';

const readPath = '/containerd.services.content.v1.Content/Read';
const writePath = '/containerd.services.content.v1.Content/Write';

/** Bytes of one message. */
const pieceSize = 1024 * 1024;

/** `store` is the client's name of it. */
export function sessionContent(session: BuildSession, store: string, signal: AbortSignal): LayoutAccess {
  const metadata = { 'buildkit-attachable-store-id': store };
  return {
    async read(digest) {
      const call = session.client.open(readPath, metadata, signal);
      await call.send(ReadContentRequest.encode({ digest }));
      call.end();
      return Readable.from(piecesOf(call), { objectMode: false });
    },
    async write(digest, size, data) {
      const call = session.client.open(writePath, metadata, signal);
      try {
        await writeAll(call, { digest, size, data });
      } catch (error) {
        if (!isEngineError(error, 'conflict')) throw error;
      } finally {
        call.cancel();
        data.destroy();
      }
    },
  };
}

async function* piecesOf(call: ClientCall): AsyncGenerator<Buffer, void> {
  try {
    for await (const message of call.messages) yield ReadContentResponse.decode(message).data;
  } finally {
    call.cancel();
  }
}

interface Blob {
  digest: string;
  size: number;
  data: Readable;
}

/** Each piece is answered; EngineError `conflict` where the client has it already. */
async function writeAll(call: ClientCall, { digest, size, data }: Blob): Promise<void> {
  const common = { ref: `gantry-${digest}`, total: size, expected: digest };
  let offset = (await exchange(call, { action: writeAction.stat, ...common })).offset;
  /* What an earlier attempt left is written again: its bytes are not known here. */
  let position = 0;
  for await (const chunk of data as AsyncIterable<Buffer>) {
    for (let at = 0; at < chunk.length; at += pieceSize) {
      const whole = chunk.subarray(at, at + pieceSize);
      const piece = whole.subarray(Math.max(0, offset - position));
      position += whole.length;
      if (piece.length === 0) continue;
      const written = await exchange(call, { action: writeAction.write, ...common, offset, data: piece });
      offset = written.offset;
    }
  }
  await exchange(call, { action: writeAction.commit, ...common, offset });
  call.end();
}

async function exchange(
  call: ClientCall,
  request: Parameters<typeof WriteContentRequest.encode>[0],
): Promise<{ offset: number; digest: string }> {
  await call.send(WriteContentRequest.encode(request));
  const answer = await call.messages.next();
  if (answer.done === true) throw new EngineError('unavailable', "the build's client took no more content");
  return WriteContentResponse.decode(answer.value);
}
