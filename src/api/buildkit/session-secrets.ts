/** Secrets, agents and credentials, asked of the client when a build needs them. */
import { Duplex } from 'node:stream';
import type { BuildSecrets } from '../../build/build-types.ts';
import { EngineError, isEngineError } from '../../errors/engine-error.ts';
import type { RegistryAuth } from '../../images/image-types.ts';
import { BytesMessage, Empty } from '../../wire/buildkit/common-messages.ts';
import {
  CheckAgentRequest,
  CredentialsRequest,
  CredentialsResponse,
  GetSecretRequest,
  GetSecretResponse,
} from '../../wire/buildkit/session-messages.ts';
import type { ClientCall } from './grpc-client.ts';
import type { BuildSession } from './session-registry.ts';

const maxSecret = 500 * 1024;

const paths = {
  secret: '/moby.buildkit.secrets.v1.Secrets/GetSecret',
  checkAgent: '/moby.sshforward.v1.SSH/CheckAgent',
  forwardAgent: '/moby.sshforward.v1.SSH/ForwardAgent',
  credentials: '/moby.filesync.v1.Auth/Credentials',
};

export function sessionSecrets(session: BuildSession): BuildSecrets {
  return {
    secret: (id, signal) => readSecret(session, id, signal),
    ssh: (id, signal) => openAgent(session, id, signal),
    credentials: (host, signal) => readCredentials(session, host, signal),
  };
}

async function readSecret(
  session: BuildSession,
  id: string,
  signal: AbortSignal,
): Promise<Buffer | undefined> {
  const answer = await unlessMissing(
    session.client.unary(paths.secret, GetSecretRequest, GetSecretResponse, { id }, signal),
  );
  if (answer !== undefined && answer.data.length > maxSecret) {
    throw new EngineError(
      'resource-exhausted',
      `secret ${id} has ${answer.data.length} bytes: ${maxSecret} are allowed`,
    );
  }
  return answer === undefined ? undefined : Buffer.from(answer.data);
}

async function readCredentials(
  session: BuildSession,
  host: string,
  signal: AbortSignal,
): Promise<RegistryAuth | undefined> {
  if (!session.methods.has(paths.credentials)) return undefined;
  const answer = await unlessMissing(
    session.client.unary(paths.credentials, CredentialsRequest, CredentialsResponse, { host }, signal),
  );
  if (answer === undefined || answer.secret === '') return undefined;
  /* As Docker's clients keep an identity token: without a name. */
  if (answer.username === '') return { identityToken: answer.secret };
  return { username: answer.username, password: answer.secret };
}

async function openAgent(
  session: BuildSession,
  id: string,
  signal: AbortSignal,
): Promise<Duplex | undefined> {
  if (!session.methods.has(paths.checkAgent)) return undefined;
  try {
    await session.client.unary(paths.checkAgent, CheckAgentRequest, Empty, { id }, signal);
  } catch (error) {
    /* An ID that the client does not forward has no code of its own. */
    if (isEngineError(error, 'internal')) return undefined;
    throw error;
  }
  return bytesDuplex(session.client.open(paths.forwardAgent, { 'buildkit.ssh.id': id }, signal));
}

/** Undefined where the client has no such thing, or does not serve the method at all. */
async function unlessMissing<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (isEngineError(error, 'not-found') || isEngineError(error, 'not-implemented')) return undefined;
    throw error;
  }
}

/** A call of `BytesMessage`s in both directions, as a stream. */
function bytesDuplex(call: ClientCall): Duplex {
  const duplex = new Duplex({
    read: () => void pull(),
    write: (chunk: Buffer, _encoding, done) => {
      call.send(BytesMessage.encode({ data: chunk })).then(() => done(), done);
    },
    final: (done) => {
      call.end();
      done();
    },
    destroy: (error, done) => {
      call.cancel();
      done(error);
    },
  });
  const pull = async (): Promise<void> => {
    try {
      for (;;) {
        const next = await call.messages.next();
        const data = next.done === true ? null : BytesMessage.decode(next.value).data;
        /* An empty piece would be taken for nothing to read, and nobody would ask again. */
        if (data !== null && data.length === 0) continue;
        duplex.push(data);
        return;
      }
    } catch (error) {
      duplex.destroy(error instanceof Error ? error : undefined);
    }
  };
  return duplex;
}
