/** The options before the command: which daemon, how to reach it, how much to say. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { defaultHost, type Endpoint, parseEndpoint, type TlsSettings } from '../client/endpoint.ts';
import { EngineError } from '../errors/engine-error.ts';
import type { FlagValues } from './flags/flag.ts';
import { list, text, toggle } from './flags/kinds.ts';

export const globalFlags = {
  config: text('Location of client config files', { shownDefault: '"~/.docker"' }),
  context: text('Name of the context to use to connect to the daemon; only "default" is known', {
    short: 'c',
  }),
  debug: toggle('Enable debug mode: errors come with their causes', { short: 'D' }),
  host: list(`Daemon socket to connect to (default GANTRY_HOST, DOCKER_HOST, "${defaultHost}")`, {
    short: 'H',
  }),
  'log-level': text('Set the logging level ("debug", "info", "warn", "error", "fatal")', {
    short: 'l',
    initial: 'info',
  }),
  tls: toggle('Use TLS; implied by --tlsverify'),
  tlscacert: text('Trust certs signed only by this CA', { shownDefault: '"~/.docker/ca.pem"' }),
  tlscert: text('Path to TLS certificate file', { shownDefault: '"~/.docker/cert.pem"' }),
  tlskey: text('Path to TLS key file', { shownDefault: '"~/.docker/key.pem"' }),
  tlsverify: toggle('Use TLS and verify the remote'),
  version: toggle('Print version information and quit', { short: 'v' }),
} as const;

export type GlobalFlags = FlagValues<typeof globalFlags>;

type Environment = Readonly<Record<string, string | undefined>>;

/** The daemon that flags and environment name. EngineError `invalid-argument` for an address that can't be one. */
export function resolveEndpoint(flags: GlobalFlags, env: Environment): Endpoint {
  if (flags.host.length > 1) throw new EngineError('invalid-argument', 'specify only one -H');
  const context = flags.context || (flags.host.length > 0 ? '' : (env['DOCKER_CONTEXT'] ?? ''));
  if (context !== '' && context !== 'default') {
    throw new EngineError('not-found', `context "${context}": context not found`, {
      hint: 'Name the daemon with -H or GANTRY_HOST.',
    });
  }
  const address = flags.host[0] || env['GANTRY_HOST'] || env['DOCKER_HOST'] || defaultHost;
  return parseEndpoint(address, tlsSettings(flags, env));
}

/** Where the user's config.json and certificates are. */
export function configFolder(flags: GlobalFlags, env: Environment): string {
  return flags.config || env['DOCKER_CONFIG'] || join(homedir(), '.docker');
}

function tlsSettings(flags: GlobalFlags, env: Environment): TlsSettings | undefined {
  const verify = flags.tlsverify || (env['DOCKER_TLS_VERIFY'] ?? '') !== '';
  const named = flags.tlscacert !== '' || flags.tlscert !== '' || flags.tlskey !== '';
  if (!verify && !flags.tls && !named && (env['DOCKER_TLS'] ?? '') === '') return undefined;
  const folder = env['DOCKER_CERT_PATH'] || configFolder(flags, env);
  const ca = flags.tlscacert || (verify ? join(folder, 'ca.pem') : '');
  const pair =
    verify || (flags.tlscert !== '' && flags.tlskey !== '') || env['DOCKER_CERT_PATH'] !== undefined;
  return {
    verify,
    ...(ca === '' ? {} : { ca }),
    ...(pair ? { certificate: flags.tlscert || join(folder, 'cert.pem') } : {}),
    ...(pair ? { key: flags.tlskey || join(folder, 'key.pem') } : {}),
  };
}
