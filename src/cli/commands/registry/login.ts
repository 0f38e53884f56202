/** `gantry login`. */
import { EngineError, isEngineError, messageOf } from '../../../errors/engine-error.ts';
import type { AuthResponse } from '../../../wire/system.ts';
import { defineCommand } from '../../command.ts';
import type { Context } from '../../context.ts';
import type { CredentialStore } from '../../credentials/credential-store.ts';
import { type Credentials, hubServer, serverKey } from '../../credentials/credentials.ts';
import { credentialStore } from '../../credentials/registry-auth.ts';
import { optionalText, toggle } from '../../flags/kinds.ts';
import { readAll } from '../../open-input.ts';
import { Prompter } from '../../terminal/prompt.ts';

export const login = defineCommand({
  usage: '[OPTIONS] [SERVER]',
  description:
    'Without a server: Docker Hub. Credentials go to the credential helper that config.json names, or into config.json itself.',
  examples: [
    ['login -u me registry.example.com:5000', 'Asks for the password'],
    ['login -u ci --password-stdin registry.example.com < token', 'In a script'],
  ],
  arguments: [0, 1],
  flags: {
    password: optionalText('Password or personal access token; visible in the list of processes', {
      short: 'p',
    }),
    'password-stdin': toggle('Take the password or personal access token from stdin'),
    username: optionalText('Username', { short: 'u' }),
  },
  run: async (context, { flags, positional }) => {
    const given = await givenCredentials(context, flags);
    const server = serverKey(positional[0] ?? '');
    const store = credentialStore(context);
    const status =
      (given.username === '' && given.password === ''
        ? await withKnown(context, store, server)
        : undefined) ?? (await withGiven(context, store, server, given));
    context.io.stdout.write(`${status}\n`);
    return 0;
  },
});

interface Given {
  username: string;
  /** '' where it is to be asked for. */
  password: string;
}

async function givenCredentials(
  { io }: Context,
  flags: { username: string | undefined; password: string | undefined; 'password-stdin': boolean },
): Promise<Given> {
  const { username, password, 'password-stdin': fromStdin } = flags;
  if (password !== undefined && fromStdin) {
    throw refused('conflicting options: cannot specify both --password and --password-stdin');
  }
  if (username === '') throw refused('username is empty');
  if (password === '') throw refused('password is empty');
  if (password !== undefined) {
    io.stderr.write('WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n');
  }
  if (!fromStdin) return { username: username ?? '', password: password ?? '' };
  if (username === undefined) throw refused('the --password-stdin option requires --username to be set');
  const text = await readAll(io.stdin.open());
  return { username, password: text.replace(/\n$/, '').replace(/\r$/, '') };
}

function refused(message: string): EngineError {
  return new EngineError('invalid-argument', message);
}

/** Logs in with what is kept. Undefined where nothing is, or the registry refuses it. */
async function withKnown(
  context: Context,
  store: CredentialStore,
  server: string,
): Promise<string | undefined> {
  const known = knownCredentials(store, server);
  if (known === undefined || known.username === '' || known.password === '') return undefined;
  const { stderr } = context.io;
  stderr.write(`Authenticating with existing credentials... [Username: ${known.username}]\n\n`);
  stderr.write(
    " Info -> To login with a different account, run 'gantry logout' followed by 'gantry login'\n\n\n",
  );
  try {
    return await authenticate(context, store, server, known);
  } catch (error) {
    const unauthorized = isEngineError(error, 'unauthorized');
    stderr.write(
      unauthorized
        ? 'Stored credentials invalid or expired\n'
        : `Login did not succeed, error: ${messageOf(error)}\n`,
    );
    return undefined;
  }
}

/** A helper that fails is no reason not to log in: storing the credentials will tell. */
function knownCredentials(store: CredentialStore, server: string): Credentials | undefined {
  try {
    return store.get(server);
  } catch {
    return undefined;
  }
}

async function withGiven(
  context: Context,
  store: CredentialStore,
  server: string,
  given: Given,
): Promise<string> {
  const complete =
    given.username !== '' && given.password !== '' ? given : await askForRest(context, store, server, given);
  return authenticate(context, store, server, { ...complete, identityToken: '' });
}

async function askForRest(
  { io }: Context,
  store: CredentialStore,
  server: string,
  given: Given,
): Promise<Given> {
  if (!io.stdin.isTerminal) {
    throw new EngineError(
      'failed-precondition',
      'Error: Cannot perform an interactive login from a non TTY device',
      { hint: 'Give --username, and the password by --password-stdin.' },
    );
  }
  const prompter = new Prompter(io);
  try {
    if (server === hubServer && given.username === '') {
      io.stdout.write(
        'Log in to Docker Hub with your Docker ID, and your password or a personal access token.\n',
      );
    }
    const username =
      given.username || (await askUsername(prompter, knownCredentials(store, server)?.username));
    if (username === '') throw refused('Error: Non-null Username Required');
    const password = given.password || (await prompter.askHidden('Password: '));
    if (password === '') throw refused('Error: Password Required');
    return { username, password };
  } finally {
    prompter.close();
  }
}

async function askUsername(prompter: Prompter, known = ''): Promise<string> {
  const typed = await prompter.ask(known === '' ? 'Username: ' : `Username (${known}): `);
  return typed.trim() || known;
}

/** Asks the daemon whether the credentials are good, and keeps them. Gives the daemon's word of success. */
async function authenticate(
  { client, io }: Context,
  store: CredentialStore,
  server: string,
  { username, password }: Credentials,
): Promise<string> {
  const answer = await client.call<AuthResponse | undefined>('POST', '/auth', {
    json: { username, password, serveraddress: server },
  });
  const identityToken = answer?.IdentityToken ?? '';
  const kept = { username, password: identityToken === '' ? password : '', identityToken };
  const { plainFile } = keep(store, server, kept);
  if (plainFile !== undefined) {
    io.stderr.write(
      `\nWARNING! Your credentials are stored unencrypted in '${plainFile}'.\n` +
        'Configure a credential helper to remove this warning. See\n' +
        'https://docs.docker.com/go/credential-store/\n\n',
    );
  }
  return answer?.Status || 'Login Succeeded';
}

function keep(store: CredentialStore, server: string, credentials: Credentials) {
  try {
    return store.set(server, credentials);
  } catch (error) {
    throw new EngineError('failed-precondition', `Error saving credentials: ${messageOf(error)}`, {
      cause: error,
      ...(isEngineError(error) && error.hint !== undefined ? { hint: error.hint } : {}),
    });
  }
}
