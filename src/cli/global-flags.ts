/** The options before the command: which daemon, how to reach it, how much to say. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type Environment, tlsFiles } from '../client/client-options.ts';
import { defaultHost, type TlsSettings } from '../client/endpoint.ts';
import type { FlagValues } from './flags/flag.ts';
import { list, text, toggle } from './flags/kinds.ts';

export const globalFlags = {
  config: text('Location of client config files', { shownDefault: '"~/.docker"' }),
  context: text(
    'Name of the context to use to connect to the daemon (default DOCKER_CONTEXT, or what "gantry context use" chose)',
    { short: 'c' },
  ),
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

/** Where the user's config.json and certificates are. */
export function configFolder(flags: GlobalFlags, env: Environment): string {
  return flags.config || env['DOCKER_CONFIG'] || join(homedir(), '.docker');
}

/** How flags and environment want TLS; undefined for a connection without. Variables count as docker's do: any text but '' is yes. */
export function tlsSettings(flags: GlobalFlags, env: Environment): TlsSettings | undefined {
  const verify = flags.tlsverify || (env['DOCKER_TLS_VERIFY'] ?? '') !== '';
  const named = flags.tlscacert !== '' || flags.tlscert !== '' || flags.tlskey !== '';
  if (!verify && !flags.tls && !named && (env['DOCKER_TLS'] ?? '') === '') return undefined;
  const folder = env['DOCKER_CERT_PATH'] || configFolder(flags, env);
  return tlsFiles({ verify, ca: flags.tlscacert, certificate: flags.tlscert, key: flags.tlskey }, folder);
}
