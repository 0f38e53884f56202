/** What `context create` and `context update` are told: the `--docker` flag, checked and turned into an endpoint. */

import { X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { defaultHost, parseEndpoint } from '../client/endpoint.ts';
import { EngineError, isEngineError, messageOf } from '../errors/engine-error.ts';
import type { Context } from './context.ts';
import { type ContextDocument, ContextStore, defaultContext, type TlsFiles } from './context-store.ts';
import type { FlagSpec } from './flags/flag.ts';
import { splitCsv } from './run-config/csv.ts';
import { fileError } from './run-config/variables.ts';

/** `host=tcp://h:2376,ca=ca.pem`. */
export type DockerSettings = ReadonlyMap<string, string>;

export const dockerFlag: FlagSpec<DockerSettings> = {
  type: 'stringToString',
  help: 'set the docker endpoint: host=…, ca=FILE, cert=FILE, key=FILE, skip-tls-verify=BOOL, or from=CONTEXT',
  initial: new Map(),
  shownDefault: '[]',
  parse: (text, previous) => new Map([...previous, ...splitCsv(text).map(pairOf)]),
};

/** An endpoint of a context, with the certificates that belong to it. */
export interface EndpointSettings {
  document: Readonly<Record<string, unknown>>;
  tls: TlsFiles;
}

const tlsKeys = { ca: 'ca.pem', cert: 'cert.pem', key: 'key.pem' } as const;
const knownKeys = new Set(['from', 'host', 'skip-tls-verify', ...Object.keys(tlsKeys)]);

function pairOf(text: string): [string, string] {
  const equals = text.indexOf('=');
  if (equals < 0) throw new EngineError('invalid-argument', `${text} must be formatted as key=value`);
  return [text.slice(0, equals).trim(), text.slice(equals + 1)];
}

/** The endpoint that the flag describes. EngineErrors in docker's words, after "unable to create docker endpoint config". */
export function endpointSettings(context: Context, settings: DockerSettings): EndpointSettings {
  try {
    return readSettings(context, settings);
  } catch (error) {
    if (!isEngineError(error)) throw error;
    const message = `unable to create docker endpoint config: ${error.message}`;
    throw new EngineError(error.code, message, {
      cause: error,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    });
  }
}

function readSettings(context: Context, settings: DockerSettings): EndpointSettings {
  const unknown = [...settings.keys()].find((key) => !knownKeys.has(key));
  if (unknown !== undefined) {
    throw new EngineError('invalid-argument', `unrecognized config key: ${unknown}`, {
      hint: `Known keys are ${[...knownKeys].join(', ')}.`,
    });
  }
  const from = settings.get('from');
  // As in docker: the host and whether it is verified, not the certificates.
  if (from !== undefined) return { document: endpointOf(readContext(context, from)), tls: new Map() };
  const host = settings.get('host') ?? '';
  const skip = parseSkip(settings.get('skip-tls-verify'));
  const tls = readTls(settings);
  try {
    checkTls(tls);
    if (host !== '') parseEndpoint(host);
  } catch (error) {
    throw new EngineError('invalid-argument', `invalid docker endpoint options: ${messageOf(error)}`, {
      cause: error,
    });
  }
  return { document: { ...(host === '' ? {} : { Host: host }), SkipTLSVerify: skip }, tls };
}

function parseSkip(text: string | undefined): boolean {
  if (text === undefined || ['', '0', 'f', 'F', 'false', 'FALSE', 'False'].includes(text)) return false;
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(text)) return true;
  throw new EngineError(
    'invalid-argument',
    `skip-tls-verify: parsing ${JSON.stringify(text)}: invalid syntax`,
  );
}

function readTls(settings: DockerSettings): TlsFiles {
  const given = Object.entries(tlsKeys).flatMap(([key, file]) => {
    const path = settings.get(key) ?? '';
    return path === '' ? [] : [[file, readFile(path)] as const];
  });
  return new Map(given);
}

function readFile(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw fileError('open', path, error);
  }
}

function checkTls(tls: TlsFiles): void {
  const authority = tls.get('ca.pem');
  if (authority === undefined) return;
  try {
    new X509Certificate(authority);
  } catch (error) {
    throw new EngineError('invalid-argument', 'failed to retrieve context tls info: ca.pem seems invalid', {
      cause: error,
    });
  }
}

/** The document of any context, of `default` as flags and environment describe it. */
export function readContext(context: Context, name: string): ContextDocument {
  return name === defaultContext
    ? defaultDocument(context)
    : new ContextStore(context.configFolder).read(name);
}

function defaultDocument({ daemon }: Context): ContextDocument {
  const skip = daemon.defaultTls !== undefined && !daemon.defaultTls.verify;
  return {
    Name: defaultContext,
    Metadata: {},
    Endpoints: { docker: { Host: daemon.defaultAddress || defaultHost, SkipTLSVerify: skip } },
  };
}

/** The certificates of a context: those in the store, or those that flags and environment name. */
export function tlsOfContext(context: Context, name: string): TlsFiles {
  if (name !== defaultContext) return new ContextStore(context.configFolder).tlsFiles(name, 'docker');
  const { ca, certificate, key } = context.daemon.defaultTls ?? {};
  const files = [
    ['ca.pem', ca],
    ['cert.pem', certificate],
    ['key.pem', key],
  ] as const;
  const there = files.flatMap(([file, path]) =>
    path === undefined || !existsSync(path) ? [] : [[file, readFile(path)] as const],
  );
  return new Map(there);
}

export function endpointOf({ Endpoints }: ContextDocument): Readonly<Record<string, unknown>> {
  return Endpoints['docker'] ?? {};
}

/** docker's words for the default context in lists, which contexts made from it inherit. */
export const defaultDescription = 'Current DOCKER_HOST based configuration';

export function descriptionOf({ Name, Metadata }: ContextDocument): string {
  if (Name === defaultContext) return defaultDescription;
  const { Description: description } = Metadata;
  return typeof description === 'string' ? description : '';
}

/** The metadata with another description; '' for none. */
export function withDescription(
  metadata: ContextDocument['Metadata'],
  description: string,
): ContextDocument['Metadata'] {
  const { Description: _, ...others } = metadata;
  return { ...(description === '' ? {} : { Description: description }), ...others };
}
