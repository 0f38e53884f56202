/** What a build asks of `gantry build`'s side: files, secrets, logins, and where outputs go. */
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type {
  BuildContext,
  BuildOutput,
  BuildSecrets,
  CacheReference,
  ContextQuery,
  ContextTree,
} from '../build/build-types.ts';
import { ViewThread } from '../engine/archive/view-thread.ts';
import type { Engine } from '../engine/engine.ts';
import { EngineError, isEngineError } from '../errors/engine-error.ts';
import type { WireAsk, WireCache, WireOutput } from '../wire/build-session.ts';
import type { Channel, Channels } from '../wire/channels.ts';
import { parseJson } from './body.ts';
import { ChannelFiles } from './build-session-sync.ts';
import type { ContextStore } from './buildkit/context-store.ts';
import { receive } from './buildkit/session-context.ts';
import { decodeAuth } from './registry-auth.ts';

const maxSecret = 500 * 1024;
const maxLogin = 64 * 1024;

function ask(channels: Channels, heading: WireAsk): Channel {
  return channels.open(heading);
}

/** All that comes, at most `limit` bytes; undefined where the client has none of it. */
async function answerOf(channel: Channel, limit: number, what: string): Promise<Buffer | undefined> {
  channel.end();
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of channel) {
      size += chunk.length;
      if (size > limit) throw new EngineError('resource-exhausted', `${what} is larger than ${limit} bytes`);
      chunks.push(chunk);
    }
  } catch (error) {
    if (isEngineError(error, 'not-found')) return undefined;
    throw error;
  }
  return Buffer.concat(chunks);
}

export interface ClientDirectory {
  /** '' is the main one. */
  name: string;
  /** By which a copy of it is found again. */
  key: string;
  /** The Dockerfile's own: one that is in no context. */
  isDockerfile: boolean;
}

/** A directory of the client's, of which a copy is kept between builds. */
export class ClientContext implements BuildContext {
  readonly #store: ContextStore;
  readonly #channels: Channels;
  readonly #directory: ClientDirectory;

  constructor(store: ContextStore, channels: Channels, directory: ClientDirectory) {
    this.#store = store;
    this.#channels = channels;
    this.#directory = directory;
  }

  async sync({ ignore, paths }: ContextQuery, signal: AbortSignal): Promise<ContextTree> {
    const { name, key } = this.#directory;
    const held = await this.#store.hold(JSON.stringify(['gantry', key, name]), `local source for ${key}`);
    const channel = ask(this.#channels, {
      open: 'sync',
      context: name,
      ignore: [...ignore],
      ...(paths === undefined ? {} : { paths: [...paths] }),
    });
    const abort = (): void => void channel.destroy(new EngineError('cancelled', 'the build has ended'));
    signal.addEventListener('abort', abort, { once: true });
    try {
      await receive(new ChannelFiles(channel), held, () => undefined);
      return held.tree;
    } catch (error) {
      channel.destroy();
      await held.tree.release();
      throw error;
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  async readFile(path: string, limit: number): Promise<Buffer | undefined> {
    const channel = ask(this.#channels, {
      open: 'file',
      context: this.#directory.name,
      path,
      isDockerfile: this.#directory.isDockerfile,
    });
    return await answerOf(channel, limit, path);
  }
}

export function clientSecrets(channels: Channels): BuildSecrets {
  return {
    secret: (id) => answerOf(ask(channels, { open: 'secret', id }), maxSecret, `the secret ${id}`),
    ssh: async (id) => ask(channels, { open: 'ssh', id }),
    credentials: async (host) => {
      const login = await answerOf(ask(channels, { open: 'credentials', host }), maxLogin, 'a login');
      return login === undefined ? undefined : decodeAuth(parseJson(login.toString('utf8')));
    },
  };
}

export function sessionCache(
  channels: Channels,
  cache: WireCache,
  index: number,
  isExport: boolean,
): CacheReference {
  const content = {
    hasIndex: true,
    read: async (digest: string) => ask(channels, { open: 'layout-read', index, isExport, digest }),
    write: async (digest: string, size: number, data: NodeJS.ReadableStream) => {
      const channel = ask(channels, { open: 'layout-write', index, digest, size });
      await pipeline(data, acknowledged(channel));
    },
  };
  return { ...cache, ...(cache.type === 'local' ? { content } : {}) };
}

export function sessionOutput(
  engine: Engine,
  channels: Channels,
  output: WireOutput,
  index: number,
): BuildOutput {
  if (output.kind === 'image' || output.kind === 'none') return output;
  const open = async (): Promise<Writable> => acknowledged(ask(channels, { open: 'output', index }));
  if (output.kind !== 'local') return { ...output, open };
  return {
    ...output,
    copy: async (root, signal) => {
      const thread = new ViewThread({
        launcher: engine.launcher,
        root,
        job: { kind: 'read', path: '/.' },
        onProgress: () => undefined,
        verify: () => undefined,
      });
      await pipeline(thread.tar, await open(), { signal });
    },
  };
}

/** Is finished when the client has said that all is stored. */
function acknowledged(channel: Channel): Writable {
  channel.resume();
  const stored = new Promise<void>((resolve, reject) => {
    channel.once('end', resolve);
    channel.once('error', reject);
    channel.once('close', () => reject(new EngineError('unavailable', 'the client went away')));
  });
  stored.catch(() => undefined);
  return new Writable({
    highWaterMark: 1024 * 1024,
    write: (chunk, _encoding, callback) => {
      channel.write(chunk, callback);
    },
    final: (callback) => {
      channel.end();
      stored.then(() => callback(), callback);
    },
    destroy: (error, callback) => {
      if (error !== null) channel.destroy(error);
      callback(error);
    },
  });
}
