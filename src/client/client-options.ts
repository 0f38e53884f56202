/** Which daemon a client is for: what the program says, else what the environment says. */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { defaultHost, type Endpoint, parseEndpoint, type TlsSettings } from './endpoint.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface ClientOptions {
  /**
   * `unix:///run/gantry.sock`, `tcp://host:2376`, `ssh://user@host`. Unless told: GANTRY_HOST, else DOCKER_HOST, else
   * Gantry's own socket, else Docker's.
   */
  host?: string;
  /** For `tcp://`. Unless told, as DOCKER_TLS_VERIFY, DOCKER_TLS and DOCKER_CERT_PATH say; `false` for none. */
  tls?: TlsSettings | false;
  /** The API version to speak, `1.44`. Unless told: DOCKER_API_VERSION, else the newest that both sides know. */
  version?: string;
  /** Sent with every request. */
  headers?: Readonly<Record<string, string>>;
  /** In place of `process.env`. */
  env?: Environment;
}

const dockersHost = 'unix:///var/run/docker.sock';

/** EngineError `invalid-argument` for what is no address. */
export function endpointOf(options: ClientOptions): Endpoint {
  const env = options.env ?? process.env;
  const tls = options.tls === false ? undefined : (options.tls ?? environmentTls(env));
  return parseEndpoint(options.host ?? environmentHost(env) ?? usualHost(), tls);
}

function environmentHost(env: Environment): string | undefined {
  const name = hostVariable(env);
  return name === undefined ? undefined : env[name];
}

/** The variable that names the daemon, where one does. */
export function hostVariable(env: Environment): 'GANTRY_HOST' | 'DOCKER_HOST' | undefined {
  return (['GANTRY_HOST', 'DOCKER_HOST'] as const).find((name) => (env[name] ?? '') !== '');
}

function usualHost(): string {
  const there = (host: string): boolean => existsSync(host.slice('unix://'.length));
  return !there(defaultHost) && there(dockersHost) ? dockersHost : defaultHost;
}

function environmentTls(env: Environment): TlsSettings | undefined {
  const verify = (env['DOCKER_TLS_VERIFY'] ?? '') !== '';
  if (!verify && (env['DOCKER_TLS'] ?? '') === '') return undefined;
  const folder = env['DOCKER_CERT_PATH'] || env['DOCKER_CONFIG'] || join(homedir(), '.docker');
  return tlsFiles({ verify, ca: '', certificate: '', key: '' }, folder);
}

/**
 * TLS with the files that are named, and for '' with the usual ones of `folder` where they are there: a daemon that
 * demands no certificate is reached without one. The authority is a must where the daemon is to be verified.
 */
export function tlsFiles(
  { verify, ca, certificate, key }: { verify: boolean; ca: string; certificate: string; key: string },
  folder: string,
): TlsSettings {
  const usual = (name: string): string => {
    const path = join(folder, name);
    return existsSync(path) ? path : '';
  };
  const files = {
    ca: ca || (verify ? join(folder, 'ca.pem') : ''),
    certificate: certificate || usual('cert.pem'),
    key: key || usual('key.pem'),
  };
  const named = Object.entries(files).filter(([, path]) => path !== '');
  return { verify, ...Object.fromEntries(named) };
}
