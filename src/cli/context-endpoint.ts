/** The address of a context in the store, and the certificates that go with it. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { defaultHost, type Endpoint, parseEndpoint, type TlsSettings } from '../client/endpoint.ts';
import { EngineError } from '../errors/engine-error.ts';
import { type ContextDocument, ContextStore } from './context-store.ts';

/** EngineErrors `not-found` where there is no such context, `invalid-argument` for one that names no daemon. */
export function contextEndpoint(configFolder: string, name: string): Endpoint {
  const store = new ContextStore(configFolder);
  const document = store.read(name);
  if (document.Endpoints['docker'] === undefined) {
    throw new EngineError('invalid-argument', `context "${name}" has no docker endpoint`, {
      hint: `Give it one: gantry context update ${name} --docker host=…`,
    });
  }
  return parseEndpoint(
    hostOf(document) || defaultHost,
    tlsOf(join(store.tlsPath(name), 'docker'), skipsVerification(document)),
  );
}

/** '' where it names none. */
export function hostOf({ Endpoints }: ContextDocument): string {
  const host = Endpoints['docker']?.['Host'];
  return typeof host === 'string' ? host : '';
}

function skipsVerification({ Endpoints }: ContextDocument): boolean {
  return Endpoints['docker']?.['SkipTLSVerify'] === true;
}

/** TLS is used where the context has certificates, or says not to look at the daemon's. */
function tlsOf(folder: string, skip: boolean): TlsSettings | undefined {
  const path = (file: string): string | undefined =>
    existsSync(join(folder, file)) ? join(folder, file) : undefined;
  const [ca, certificate, key] = [path('ca.pem'), path('cert.pem'), path('key.pem')];
  if (ca === undefined && certificate === undefined && key === undefined && !skip) return undefined;
  return {
    verify: !skip,
    ...(ca === undefined ? {} : { ca }),
    ...(certificate === undefined ? {} : { certificate }),
    ...(key === undefined ? {} : { key }),
  };
}
