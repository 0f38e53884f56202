/** `POST /gantry/build`: a build for `gantry build`, over a connection that carries files, secrets and outputs, too. */
import type { Duplex } from 'node:stream';
import type { BuildEvent, Builder, BuildRequest, NamedContext } from '../build/build-types.ts';
import { DockerfileError } from '../build/dockerfile/errors.ts';
import type { Engine } from '../engine/engine.ts';
import { EngineError } from '../errors/engine-error.ts';
import type { BuildLine, WireBuild, WireContext } from '../wire/build-session.ts';
import { type Channel, Channels, encodeError } from '../wire/channels.ts';
import { ClientContext, clientSecrets, sessionCache, sessionOutput } from './build-session-client.ts';
import { decodeBuild } from './build-session-decode.ts';
import type { ContextStore } from './buildkit/context-store.ts';
import { writeThrough } from './stream-response.ts';

interface Served {
  engine: Engine;
  builder: Builder;
  /** Copies of clients' files, kept between builds. */
  contexts: ContextStore;
}

/** Serves the connection to its end: one build. What fails is told to the client; the client's end cancels the build. */
export async function serveBuildSession(served: Served, socket: Duplex): Promise<void> {
  const gone = new AbortController();
  let begun = false;
  const channels: Channels = new Channels(
    {
      source: socket,
      write: (data) => writeThrough(socket, data),
      close: () => socket.end(),
    },
    {
      isServer: true,
      onOpen: (heading, channel) => {
        if (begun) channel.destroy(new EngineError('invalid-argument', 'one build a connection'));
        begun = true;
        void runBuild(served, channels, heading, channel, gone.signal);
      },
    },
  );
  try {
    await channels.run();
  } finally {
    gone.abort(new EngineError('cancelled', 'the client went away'));
  }
}

/** Never rejects: the client is told. */
async function runBuild(
  served: Served,
  channels: Channels,
  heading: unknown,
  answer: Channel,
  signal: AbortSignal,
): Promise<void> {
  const say = (line: BuildLine): void => void answer.write(`${JSON.stringify(line)}\n`);
  const { builder } = served;
  let failed: string | undefined;
  let remote: RemoteContext | undefined;
  try {
    const wire = decodeBuild(heading);
    remote = remoteContext(builder, wire);
    const request = requestOf(served, channels, wire, remote, (event) => {
      if (event.kind === 'vertex' && event.vertex.error !== undefined) failed ??= event.vertex.digest;
      say(lineOf(event));
    });
    const { imageId, manifestDigest, metadata } = await builder.build(request, signal);
    say({
      result: {
        ...(imageId === undefined ? {} : { imageId }),
        ...(manifestDigest === undefined ? {} : { manifestDigest }),
        metadata: { ...metadata },
      },
    });
  } catch (error) {
    say(failureLine(error, failed));
  } finally {
    await remote?.close();
  }
  answer.end();
}

type RemoteContext = ReturnType<Builder['contexts']['remote']>;

/** The main context, where the daemon fetches it. */
function remoteContext({ contexts }: Builder, wire: WireBuild): RemoteContext | undefined {
  const main = wire.contexts[''] ?? { kind: 'client' };
  if (main.kind === 'client') return undefined;
  if (main.kind === 'remote') return contexts.remote(main.url, wire.dockerfile);
  throw new EngineError('invalid-argument', `the main context can't be of kind ${main.kind}`);
}

function failureLine(error: unknown, vertex: string | undefined): BuildLine {
  const wire = JSON.parse(encodeError(error).toString());
  const excerpt = error instanceof DockerfileError ? error.excerpt : '';
  return {
    failure: {
      ...wire,
      ...(excerpt === '' ? {} : { excerpt }),
      ...(vertex === undefined ? {} : { vertex }),
    },
  };
}

function requestOf(
  { engine, contexts: store }: Served,
  channels: Channels,
  wire: WireBuild,
  remote: RemoteContext | undefined,
  onEvent: (event: BuildEvent) => void,
): BuildRequest {
  const contextOf = (name: string): ClientContext => {
    const context = wire.contexts[name];
    const key = context?.kind === 'client' ? context.key : undefined;
    return new ClientContext(store, channels, { name, key: key ?? 'stdin', isDockerfile: false });
  };
  const { contexts, hasDockerfile, target, dockerfile, sourceDateEpoch, buildArgs, labels, ...rest } = wire;
  const named = Object.entries(contexts).filter(([name]) => name !== '');
  return {
    id: rest.id,
    context: remote ?? contextOf(''),
    ...(hasDockerfile
      ? {
          dockerfileContext: new ClientContext(store, channels, {
            name: '',
            key: wire.id,
            isDockerfile: true,
          }),
        }
      : {}),
    dockerfileName: dockerfile,
    namedContexts: new Map(named.map(([name, one]) => [name, namedContext(channels, name, one, contextOf)])),
    secrets: clientSecrets(channels),
    ...(target === '' ? {} : { target }),
    buildArgs: new Map(Object.entries(buildArgs)),
    labels: new Map(Object.entries(labels)),
    platforms: rest.platforms,
    noCache: rest.noCache,
    pull: rest.pull,
    networkMode: rest.networkMode,
    extraHosts: rest.extraHosts,
    resources: rest.resources,
    entitlements: entitlementsOf(rest.entitlements),
    ...(sourceDateEpoch === undefined ? {} : { sourceDateEpoch }),
    outputs: rest.outputs.map((output, index) => sessionOutput(engine, channels, output, index)),
    cacheFrom: rest.cacheFrom.map((cache, index) => sessionCache(channels, cache, index, false)),
    cacheTo: rest.cacheTo.map((cache, index) => sessionCache(channels, cache, index, true)),
    checkOnly: rest.checkOnly,
    squash: rest.squash,
    keepFailed: true,
    onEvent,
  };
}

function namedContext(
  channels: Channels,
  name: string,
  context: WireContext,
  contextOf: (name: string) => ClientContext,
): NamedContext {
  if (context.kind === 'client') return { kind: 'files', context: contextOf(name) };
  if (context.kind !== 'oci-layout') return context;
  const open = async (digest: string): Promise<Channel> =>
    channels.open({ open: 'layout-read', context: name, digest });
  return { kind: 'oci-layout', digest: context.digest, open };
}

const known = ['security.insecure', 'network.host'] as const;

function entitlementsOf(words: readonly string[]): BuildRequest['entitlements'] {
  const unknown = words.find((word) => !known.some((one) => one === word));
  if (unknown !== undefined)
    throw new EngineError('invalid-argument', `unknown entitlement ${unknown}`, {
      hint: `it must be one of ${known.join(', ')}`,
    });
  return new Set(known.filter((one) => words.includes(one)));
}

function lineOf(event: BuildEvent): BuildLine {
  switch (event.kind) {
    case 'vertex':
      return { vertex: event.vertex };
    case 'log': {
      const { vertex, stream, data, at } = event;
      return { log: { vertex, stream, data: data.toString('base64'), at } };
    }
    case 'progress': {
      const { kind, ...progress } = event;
      return { progress };
    }
    case 'warning': {
      const { kind, vertex, source, ...warning } = event;
      return { warning: { ...warning, source: source.toString('utf8') } };
    }
  }
}

/** For clients that did not ask for the connection. */
export function postBuildSession(): never {
  throw new EngineError('invalid-argument', 'this route takes the connection over', {
    hint: 'send Connection: Upgrade and Upgrade: tcp',
  });
}
