/** What a build makes, sent to its client: one file as a stream, or a directory (`moby.filesync.v1.FileSend`). */
import { Writable } from 'node:stream';
import { EngineError } from '../../errors/engine-error.ts';
import { BytesMessage } from '../../wire/buildkit/common-messages.ts';
import { sendDirectory } from './file-send.ts';
import type { CallMetadata } from './grpc-client.ts';
import type { BuildSession } from './session-registry.ts';

const path = '/moby.filesync.v1.FileSend/DiffCopy';

/** Bytes of one message: clients refuse much more than this. */
const pieceSize = 1024 * 1024;

/** The client knows its outputs by their numbers. */
function metadataOf(output: number): CallMetadata {
  return { 'buildkit-attachable-exporter-id': String(output) };
}

/** Ends once the client has taken it all: its `finish` says so. */
export function openOutputFile(session: BuildSession, output: number, signal: AbortSignal): Writable {
  const call = session.client.open(path, metadataOf(output), signal);
  const send = async (data: Buffer): Promise<void> => {
    for (let at = 0; at < data.length; at += pieceSize) {
      await call.send(BytesMessage.encode({ data: data.subarray(at, at + pieceSize) }));
    }
  };
  const close = async (): Promise<void> => {
    call.end();
    for await (const _ of call.messages) throw new EngineError('internal', 'an answer that was not expected');
  };
  return new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      send(chunk).then(() => done(), done);
    },
    final: (done) => {
      close().then(() => done(), done);
    },
    destroy: (error, done) => {
      if (error !== null) call.cancel();
      done(error);
    },
  });
}

/** Copies the files below `root` to the client's directory. */
export async function copyToClient(
  session: BuildSession,
  output: number,
  root: string,
  signal: AbortSignal,
): Promise<void> {
  const call = session.client.open(path, metadataOf(output), signal);
  try {
    await sendDirectory(call, root);
  } finally {
    call.cancel();
  }
}
