/** `gantry system dial-stdio`: a connection to the daemon on standard input and output, for ssh. */
import type { Duplex } from 'node:stream';
import { connect } from '../../../client/connect.ts';
import { drained } from '../../../client/http-exchange.ts';
import { EngineError, isEngineError, messageOf } from '../../../errors/engine-error.ts';
import { defineCommand } from '../../command.ts';
import type { Context } from '../../context.ts';
import type { Io } from '../../io.ts';

export const dialStdio = defineCommand({
  usage: '',
  arguments: [0, 0],
  flags: {},
  run: async (context) => {
    const connection = await open(context);
    // What is wrong with the input ends the connection, and with it the output.
    forwardInput(context.io, connection).catch((error: unknown) => connection.destroy(asError(error)));
    await forwardOutput(connection, context.io);
    return 0;
  },
});

async function open(context: Context): Promise<Duplex> {
  try {
    return await connect(context.client.endpoint);
  } catch (error) {
    if (!isEngineError(error)) throw error;
    throw new EngineError(error.code, `failed to open the raw stream connection: ${error.message}`, {
      cause: error,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    });
  }
}

/** The end of the input ends one direction alone: the answer still comes. */
async function forwardInput({ stdin }: Io, connection: Duplex): Promise<void> {
  for await (const chunk of stdin.open()) {
    if (connection.destroyed) return;
    if (!connection.write(chunk)) await drained(connection);
  }
  connection.end();
}

/** The end of the daemon's side is the end of all: nobody reads the input any more. */
async function forwardOutput(connection: Duplex, { stdout }: Io): Promise<void> {
  try {
    for await (const chunk of connection as AsyncIterable<Buffer>) await stdout.send(chunk);
  } finally {
    connection.destroy();
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(messageOf(error));
}
