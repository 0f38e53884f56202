/** Pulls an image and shows how that goes. */
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { ProgressMessage } from '../wire/progress-message.ts';
import type { Context } from './context.ts';
import type { ImageName } from './image-name.ts';
import type { Output } from './io.ts';
import { ProgressDisplay } from './output/progress.ts';

export interface PullOptions {
  platform: string;
  quiet: boolean;
  allTags?: boolean;
}

/** Pulls `name` and shows the progress on `output`. EngineErrors of the daemon, with its words. */
export async function pullImage(
  context: Context,
  name: ImageName,
  output: Output,
  options: PullOptions,
): Promise<void> {
  const auth = registryAuth(name, context);
  const query = {
    fromImage: name.familiar,
    tag: options.allTags === true ? '' : (name.digest ?? name.tag ?? 'latest'),
    platform: options.platform,
  };
  const headers = auth === undefined ? {} : { 'X-Registry-Auth': auth };
  const display = new ProgressDisplay(output);
  for await (const message of context.client.documents<ProgressMessage>('POST', '/images/create', {
    query,
    headers,
  })) {
    if (!options.quiet || message.error !== undefined || message.errorDetail !== undefined)
      display.show(message);
  }
}

/** The user's password for the image's registry, as docker's login keeps it in config.json; undefined without one. */
function registryAuth(name: ImageName, context: Context): string | undefined {
  const registry = name.full.slice(0, name.full.indexOf('/'));
  const key = registry === 'docker.io' ? 'https://index.docker.io/v1/' : registry;
  const folder = context.io.env['DOCKER_CONFIG'] || join(homedir(), '.docker');
  const entry = property(property(readJson(join(folder, 'config.json')), 'auths'), key);
  const encoded = property(entry, 'auth');
  if (typeof encoded !== 'string' || encoded === '') return undefined;
  const decoded = Buffer.from(encoded, 'base64').toString();
  const colon = decoded.indexOf(':');
  const auth = { username: decoded.slice(0, colon), password: decoded.slice(colon + 1), serveraddress: key };
  return Buffer.from(JSON.stringify(auth)).toString('base64url');
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

function property(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}
