/** The registry inside the daemon: serves the engine's own content store, so that a push from this host copies nothing. */
import { isIP } from 'node:net';
import type { Logger } from 'pino';
import { EngineError } from '../errors/engine-error.ts';
import { OpenAccess } from '../registry/access/open-access.ts';
import { openListener } from '../registry/program/listener.ts';
import { createRegistryServer } from '../registry/registry-server.ts';
import type { RegistrySettings } from '../registry/registry-types.ts';
import { collectInBackground } from '../registry/storage/collect-in-background.ts';
import type { LocalStorage } from '../registry/storage/local-storage.ts';

export interface RegistryAddress {
  /** Undefined for all addresses of the host. */
  host?: string;
  port: number;
}

export interface EmbeddedRegistry {
  /** `127.0.0.1:5000`. */
  address: string;
  close(): Promise<void>;
}

const hour = 3_600_000;
/** What nothing needs goes after a day. */
const collection = { interval: hour, grace: 24 * hour, untagged: false };
/** Milliseconds for requests under way when the daemon ends. */
const drainTime = 2000;

const settings: RegistrySettings = {
  readOnly: false,
  deletes: true,
  relativeUrls: false,
  host: '',
  headers: {},
  catalogLimit: 1000,
  mountsAnywhere: true,
};

/** Reads `HOST:PORT` or `:PORT`; undefined for ''. EngineError `invalid-argument`. */
export function parseRegistryAddress(text: string): RegistryAddress | undefined {
  if (text === '') return undefined;
  const match = /^(?:\[([^\]]+)\]|([^:]*)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2] ?? '';
  const port = Number(match?.[3]);
  if (match === null || port > 65535) {
    throw new EngineError('invalid-argument', `invalid registry-addr: ${text}`, {
      hint: 'write it as HOST:PORT, such as 127.0.0.1:5000',
    });
  }
  return host === '' ? { port } : { host, port };
}

/** Anyone who reaches the address may pull and push. EngineErrors as from `openListener`. */
export async function serveEmbeddedRegistry(
  storage: LocalStorage,
  listen: RegistryAddress,
  log: Logger,
): Promise<EmbeddedRegistry> {
  const server = createRegistryServer({
    storage,
    access: new OpenAccess(undefined),
    listeners: [],
    settings,
  });
  const listener = await openListener({
    listen,
    handle: (request, response) => server.handle(request, response),
    log,
  });
  log.info(`registry listening on ${listener.address}`);
  if (!isLoopback(listen.host)) {
    log.warn(
      `the registry on ${listener.address} lets everyone who reaches it pull, push and delete. Listen on 127.0.0.1, or use gantry-registry, which asks for passwords`,
    );
  }
  const collecting = collectInBackground(storage, { ...collection, log });
  return {
    address: listener.address,
    close: async () => {
      await collecting.stop();
      await listener.close(drainTime);
    },
  };
}

function isLoopback(host: string | undefined): boolean {
  if (host === 'localhost' || host === '::1') return true;
  return host !== undefined && isIP(host) === 4 && host.startsWith('127.');
}
