/** Where a build's files come from, as its attributes say: directories of the client's sessions, addresses, other images and builds. */
import { Readable } from 'node:stream';
import type { BuildContext, ContextOpener, NamedContext } from '../../build/build-types.ts';
import { EngineError } from '../../errors/engine-error.ts';
import { BytesMessage } from '../../wire/buildkit/common-messages.ts';
import { type Attributes, prefixed } from './build-attributes.ts';
import type { ContextStore } from './context-store.ts';
import { sessionContent } from './session-content.ts';
import { SessionContext } from './session-context.ts';
import type { BuildSession, SessionRegistry } from './session-registry.ts';

type OpenedContext = ReturnType<ContextOpener['archive']>;

export interface ContextParts {
  session: BuildSession;
  sessions: SessionRegistry;
  store: ContextStore;
  /** Archives and addresses. */
  opener: ContextOpener;
  /** Told each context that is to be closed at the build's end. */
  onOpened: (context: OpenedContext) => void;
  signal: AbortSignal;
  /** The image that another build of this client has made, by the reference of its result. */
  imageOfBuild: (ref: string) => Promise<string>;
}

export interface BuildContexts {
  context: BuildContext;
  dockerfileContext: BuildContext | undefined;
}

const uploadPrefix = 'http://buildkit-session/';

/** `contextkey` and `dockerfilekey` name directories of the client's; `context` is an address instead. */
export async function mainContexts(attributes: Attributes, parts: ContextParts): Promise<BuildContexts> {
  const local = (name: string): Promise<BuildContext> => localContext(name, attributes, parts);
  const address = attributes.get('context');
  const dockerfileKey = attributes.get('dockerfilekey');
  if (address !== undefined && address !== '' && !address.startsWith('local:')) {
    const context = address.startsWith(uploadPrefix)
      ? uploaded(address, parts)
      : remote(address, attributes, parts);
    return {
      context,
      dockerfileContext: dockerfileKey === undefined ? undefined : await local(dockerfileKey),
    };
  }
  const name = attributes.get('contextkey') ?? address?.slice('local:'.length) ?? 'context';
  return {
    context: await local(name === '' ? 'context' : name),
    dockerfileContext: await local(dockerfileKey ?? 'dockerfile'),
  };
}

/** Builds that share a directory have it in a session of its own. */
async function localContext(
  name: string,
  attributes: Attributes,
  parts: ContextParts,
): Promise<BuildContext> {
  const id = attributes.get(`local-sessionid:${name}`);
  const session = id === undefined ? parts.session : await parts.sessions.get(id, parts.signal);
  return new SessionContext(parts.store, session, name);
}

/** What the client reads from its standard input. */
function uploaded(address: string, { session, opener, onOpened }: ContextParts): BuildContext {
  const urlpath = `/${address.slice(uploadPrefix.length)}`;
  const context = opener.archive(async (signal) => {
    const call = session.client.open('/moby.upload.v1.Upload/Pull', { urlpath }, signal);
    call.end();
    const pieces = async function* (): AsyncGenerator<Buffer, void> {
      for await (const message of call.messages) yield BytesMessage.decode(message).data;
    };
    return Readable.from(pieces(), { objectMode: false });
  });
  onOpened(context);
  return context;
}

/** A repository, or an archive or a Dockerfile at an address. */
function remote(address: string, attributes: Attributes, { opener, onOpened }: ContextParts): BuildContext {
  const context = opener.remote(address, attributes.get('filename') ?? 'Dockerfile');
  onOpened(context);
  return context;
}

/** `context:NAME` and, for one platform only, `context:NAME::PLATFORM`, which is not looked at. */
export async function namedContexts(
  attributes: Attributes,
  parts: ContextParts,
): Promise<Map<string, NamedContext>> {
  const contexts = new Map<string, NamedContext>();
  for (const [key, value] of prefixed(attributes, 'context:')) {
    const [name = key] = key.split('::');
    contexts.set(name, await namedContext(value, attributes, parts));
  }
  return contexts;
}

async function namedContext(
  value: string,
  attributes: Attributes,
  parts: ContextParts,
): Promise<NamedContext> {
  const colon = value.indexOf(':');
  const [scheme, rest] = [value.slice(0, colon), value.slice(colon + 1)];
  if (scheme === 'docker-image') return { kind: 'image', reference: rest.replace(/^\/\//, '') };
  if (scheme === 'local') return { kind: 'files', context: await localContext(rest, attributes, parts) };
  if (scheme === 'oci-layout') return layoutContext(rest.replace(/^\/\//, ''), parts);
  if (scheme === 'input') return { kind: 'image', reference: await parts.imageOfBuild(rest) };
  return { kind: 'remote', url: value };
}

/** `STORE[:TAG]@DIGEST`. */
function layoutContext(text: string, { session, signal }: ContextParts): NamedContext {
  const [, store, digest] = /^([^:@]+)(?::[^@]*)?@(.+)$/.exec(text) ?? [];
  if (store === undefined || digest === undefined) {
    throw new EngineError('invalid-argument', `invalid oci-layout context: ${text}`);
  }
  const content = sessionContent(session, `oci:${store}`, signal);
  return { kind: 'oci-layout', digest, open: (wanted) => content.read(wanted) };
}
