/** The API as an HTTP server that listens nowhere itself: whoever holds a connection hands it over. */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Builder } from '../build/build-types.ts';
import type { Engine } from '../engine/engine.ts';
import type { SocketScope } from '../engine/sockets.ts';
import { EngineError, messageOf } from '../errors/engine-error.ts';
import { type BuildService, createBuildService } from './buildkit/build-service.ts';
import { createBuildUpgrade, isBuildUpgrade } from './buildkit/upgrade.ts';
import { Answer, type Call, type Handler } from './call.ts';
import { commonHeaders } from './common-headers.ts';
import type { Connection } from './connection.ts';
import { createHijack, isHijack } from './hijack.ts';
import { statusOf, textOf } from './http-status.ts';
import { acceptConnection } from './plain-hijack.ts';
import { Query } from './query.ts';
import { type Route, routes } from './routes.ts';
import { checkScopedUpgrade, serveScoped } from './scoped-access.ts';
import { checkVersion, escapeImageName, splitVersion } from './version-prefix.ts';

export interface ApiServer {
  /** With a `scope` the connection can do what it allows, and nothing else. */
  accept(socket: Connection, scope?: SocketScope): void;
  /** Lets requests end for `graceMs`, then closes every connection. */
  close(graceMs: number): Promise<void>;
}

/** What the routes work with. */
export interface Served {
  engine: Engine;
  builder: Builder;
}

export async function createApiServer(
  { engine, builder }: Served,
  serverVersion: string,
): Promise<ApiServer> {
  const connections = new Set<Connection>();
  const headers = commonHeaders(serverVersion, engine.config.experimental);
  const builds = await createBuildService(engine, builder);
  const served = { engine, builder: builds.builder };
  const { app, server } = createApp(served, builds, headers);
  await app.ready();
  /* A server of its own: a request whose scope could not be found is refused there, never served in full. */
  const scopes = new WeakMap<Connection, SocketScope>();
  let scoped: Promise<App> | undefined;
  const openScoped = async (): Promise<App> => {
    const made = createApp(served, builds, headers, (socket) => scopes.get(socket));
    await made.app.ready();
    return made;
  };
  return {
    accept(socket, scope) {
      connections.add(socket);
      socket.on('close', () => connections.delete(socket));
      if (scope === undefined) {
        acceptConnection(server, socket);
        return;
      }
      scopes.set(socket, scope);
      scoped ??= openScoped();
      scoped.then(
        (made) => acceptConnection(made.server, socket),
        (error: unknown) => socket.destroy(error instanceof Error ? error : undefined),
      );
    },
    async close(graceMs) {
      const apps = [app, ...(scoped === undefined ? [] : [(await scoped).app])];
      for (const one of apps) one.server.closeIdleConnections();
      const deadline = Date.now() + graceMs;
      while (connections.size > 0 && Date.now() < deadline) await sleep(20);
      for (const socket of connections) socket.destroy();
      await Promise.all(apps.map((one) => one.close()));
    },
  };
}

interface App {
  app: FastifyInstance;
  server: Server;
}

/** The scope of a connection; undefined where there is none, which is an error of ours. */
type ScopeOf = (socket: Connection) => SocketScope | undefined;

function scopeOrThrow(scopeOf: ScopeOf, socket: Connection): SocketScope {
  const scope = scopeOf(socket);
  if (scope === undefined) throw new EngineError('forbidden', 'a connection without a scope');
  return scope;
}

function createApp(
  served: Served,
  builds: BuildService,
  headers: Readonly<Record<string, string>>,
  scopeOf?: ScopeOf,
): App {
  const { engine } = served;
  const server = createServer({
    keepAliveTimeout: 0,
    requestTimeout: 0,
    shouldUpgradeCallback: (request) => isHijack(request) || isBuildUpgrade(request),
  });
  const app = fastify({
    serverFactory: (handler) => server.on('request', handler),
    rewriteUrl: (request) => escapeImageName(request.method ?? 'GET', splitVersion(request.url ?? '/').path),
    routerOptions: { maxParamLength: 4096, ignoreTrailingSlash: true },
    exposeHeadRoutes: false,
    frameworkErrors: (error, request, reply) => sendError(engine, error, request, reply),
    bodyLimit: Number.MAX_SAFE_INTEGER,
    requestTimeout: 0,
    keepAliveTimeout: 0,
  });
  const permit = (request: IncomingMessage, path: string): void => {
    if (scopeOf === undefined) return;
    checkScopedUpgrade(scopeOrThrow(scopeOf, request.socket), engine, request.method ?? '', path);
  };
  const hijack = createHijack({ ...served, contexts: builds.contexts }, headers, permit);
  const buildUpgrade = createBuildUpgrade(builds, headers, permit);
  server.on('upgrade', (request: IncomingMessage, socket: Connection, head: Buffer) => {
    void (isBuildUpgrade(request) ? buildUpgrade : hijack)(request, socket, head);
  });
  app.removeAllContentTypeParsers();
  /* Handlers read bodies by themselves: some are JSON, some are archives without end. */
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));
  app.addHook('onRequest', async (request, reply) => {
    for (const [name, value] of Object.entries(headers)) reply.raw.setHeader(name, value);
    checkVersion(splitVersion(request.originalUrl).version);
  });
  app.setErrorHandler((error, request, reply) => sendError(engine, error, request, reply));
  app.setNotFoundHandler((_request, reply) => sendJson(reply, 404, { message: 'page not found' }));
  for (const route of routes) addRoute(app, served, route, scopeOf);
  return { app, server };
}

function addRoute(
  app: FastifyInstance,
  served: Served,
  [method, url, plain]: Route,
  scopeOf: ScopeOf | undefined,
): void {
  const handler: Handler =
    scopeOf === undefined
      ? plain
      : (call) => serveScoped(scopeOrThrow(scopeOf, call.request.socket), [method, url], call, plain);
  app.route({
    method,
    url,
    handler: async (request, reply) => {
      const result = await runHandler(served, handler, request, reply);
      if (reply.sent) return reply;
      if (result === undefined) return reply.code(204).send();
      if (!(result instanceof Answer)) return sendJson(reply, 200, result);
      if (result.body === undefined) return reply.code(result.status).send();
      return sendJson(reply, result.status, result.body);
    },
  });
}

/** What fails in the middle of a stream can't be said any more, other than by cutting it off. */
async function runHandler(
  served: Served,
  handler: Handler,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<unknown> {
  try {
    return await handler(callOf(served, request, reply));
  } catch (error) {
    if (!reply.sent) throw error;
    if (!reply.raw.destroyed) logFailure(served.engine, request.raw, error);
    reply.raw.destroy();
    return undefined;
  }
}

function callOf(served: Served, request: FastifyRequest, reply: FastifyReply): Call {
  const gone = new AbortController();
  reply.raw.on('close', () => {
    if (!reply.raw.writableFinished) gone.abort(new EngineError('cancelled', 'the client went away'));
  });
  return {
    ...served,
    params: request.params as Record<string, string>,
    query: new Query(request.originalUrl),
    version: splitVersion(request.originalUrl).version,
    request: request.raw,
    response: reply.raw,
    hijack: () => reply.hijack(),
    signal: gone.signal,
  };
}

function sendError(engine: Engine, error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const known = ownError(error);
  const status = statusOf(known);
  if (status >= 500) logFailure(engine, request.raw, known);
  if (status === 304) void reply.code(304).send();
  else void sendJson(reply, status, { message: textOf(known) });
}

/** As bytes, for fastify would put a charset into the content type, and Docker's client takes nothing but the bare one for JSON. */
function sendJson(reply: FastifyReply, status: number, body: unknown): FastifyReply {
  const bytes = Buffer.from(`${JSON.stringify(body)}\n`);
  return reply.code(status).header('content-type', 'application/json').send(bytes);
}

/** fastify's own complaints (a malformed content type, a bad escape in the URL) carry a status of 4xx. */
function ownError(error: unknown): unknown {
  if (error instanceof EngineError || !(error instanceof Error) || !('statusCode' in error)) return error;
  const isClients = typeof error.statusCode === 'number' && error.statusCode < 500;
  return isClients ? new EngineError('invalid-argument', error.message, { cause: error }) : error;
}

function logFailure(engine: Engine, request: IncomingMessage, error: unknown): void {
  engine.log.warn(
    { method: request.method, url: request.url, err: error },
    `request failed: ${messageOf(error)}`,
  );
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
