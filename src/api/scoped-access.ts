/** Serves the requests of scoped sockets: what the socket may do, on what it sees, and nothing else. */
import type { Engine } from '../engine/engine.ts';
import { matchesLabels } from '../engine/filters.ts';
import type { SocketScope } from '../engine/sockets.ts';
import { EngineError } from '../errors/engine-error.ts';
import { type Call, type Handler, jsonBody, param } from './call.ts';
import { decodeContainerConfig } from './container-config.ts';
import { Fields } from './fields.ts';
import { decodeHostConfig, decodeResources } from './host-config-decode.ts';
import type { Query } from './query.ts';
import { routes } from './routes.ts';
import { hostProblem, resourceProblem } from './scoped-access-host.ts';
import { type Rule, ruleOf } from './scoped-access-rules.ts';
import { scopedEngine } from './scoped-access-view.ts';

/** A request by a route of `routes.ts`. EngineError `forbidden` says which permission is missing. */
export async function serveScoped(
  scope: SocketScope,
  route: readonly [method: string, path: string],
  call: Call,
  handler: Handler,
): Promise<unknown> {
  const rule = permit(scope, route);
  const engine = scopedEngine(call.engine, scope);
  const targeted = await withTarget(rule, call, engine);
  const checked = await withoutHost(scope, rule, targeted, engine);
  if (rule.reads === true) return handler({ ...checked, engine });
  return handler(rule.filters === true ? { ...checked, query: narrowed(checked.query, scope) } : checked);
}

/**
 * A request that takes its connection over, by its path without the version. EngineErrors `forbidden`, and `not-found`
 * for what the socket does not see.
 */
export function checkScopedUpgrade(scope: SocketScope, engine: Engine, method: string, path: string): void {
  const route = path.split('?', 1)[0] ?? '';
  const found = routes.find(([verb, pattern]) => verb === method && patternOf(pattern).test(route));
  const rule = permit(scope, [method, found?.[1] ?? route]);
  const name = unescapeName(route.split('/')[2] ?? '');
  const seen = scopedEngine(engine, scope);
  if (rule.target === 'container') seen.containers.resolve(name);
  else if (rule.target === 'exec') resolveExec(seen, name);
  else if (rule.host !== true) throw refusal(scope, [method, route], 'is not open to scoped sockets');
}

function unescapeName(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw new EngineError('invalid-argument', `invalid URL escape: ${text}`, { cause });
  }
}

function patternOf(path: string): RegExp {
  return new RegExp(`^${path.replace(/:[^/]+/g, '[^/]+')}$`);
}

function permit(scope: SocketScope, route: readonly [method: string, path: string]): Rule {
  const rule = ruleOf(...route);
  if (rule === undefined) throw refusal(scope, route, 'is not open to scoped sockets');
  const missing = rule.needs.filter((permission) => !scope.permissions.has(permission));
  if (missing.length > 0) throw refusal(scope, route, `needs ${missing.join(' and ')}`);
  if (rule.host === true && !scope.allowHost) throw refusal(scope, route, 'needs a socket with --allow-host');
  return rule;
}

function refusal(
  { name }: SocketScope,
  [method, path]: readonly [method: string, path: string],
  why: string,
): EngineError {
  const message = `permission denied by the scoped socket ${JSON.stringify(name)}: ${method} ${path} ${why}`;
  return new EngineError('forbidden', message, {
    hint: "ask the host's administrator for a socket that may: gantry socket create --allow …",
  });
}

/**
 * Finds what the request names among what is visible, and puts its ID in place of the name: then the handler can't find
 * anything else. EngineError `not-found` in Docker's words.
 */
async function withTarget(rule: Rule, call: Call, engine: Engine): Promise<Call> {
  switch (rule.target) {
    case 'container': {
      const { id } = engine.containers.resolve(param(call, 'id'));
      return { ...call, params: { ...call.params, id } };
    }
    case 'exec':
      resolveExec(engine, param(call, 'id'));
      return call;
    case 'container-of-query': {
      const { id } = engine.containers.resolve(call.query.text('container'));
      return { ...call, query: call.query.with('container', id) };
    }
    case 'container-of-body': {
      const body = await jsonBody(call);
      engine.containers.resolve(body?.string('Container') ?? '');
      return { ...call, body: { fields: body } };
    }
    default:
      return call;
  }
}

/** One of a container that is not seen is not there. */
function resolveExec(engine: Engine, id: string): void {
  const { record } = engine.execs.resolve(id);
  if (!engine.containers.has(record.containerId))
    throw new EngineError('not-found', `No such exec instance: ${id}`);
}

/** Refuses what is the host's, and new containers without the socket's labels. */
async function withoutHost(scope: SocketScope, rule: Rule, call: Call, engine: Engine): Promise<Call> {
  const { asks } = rule;
  if (asks === undefined || (scope.allowHost && asks !== 'create')) return call;
  if (asks === 'build') {
    refuseBuild(scope, call.query);
    return call;
  }
  const body = (await jsonBody(call)) ?? Fields.of({});
  if (asks === 'create') checkLabels(scope, body);
  if (!scope.allowHost) {
    const problem = problemOf(asks, body, { scope, containers: engine.containers });
    if (problem !== undefined) throw hostRefusal(scope, problem);
  }
  return { ...call, body: { fields: body } };
}

type Judge = Parameters<typeof hostProblem>[1];

/** What the request asks for that is the host's. */
function problemOf(
  asks: 'create' | 'update' | 'exec' | 'volume' | 'network',
  body: Fields,
  judge: Judge,
): string | undefined {
  switch (asks) {
    case 'create':
      return hostProblem(decodeHostConfig(body.object('HostConfig')), judge) ?? linkProblem(body, judge);
    case 'update':
      return resourceProblem(decodeResources(body), judge);
    case 'exec':
      return body.boolean('Privileged') ? 'privileged processes' : undefined;
    case 'volume':
      return ['', 'local'].includes(body.string('Driver')) && isEmpty(body.stringMap('DriverOpts'))
        ? undefined
        : 'volumes with a driver or its options';
    case 'network':
      return ['', 'bridge', 'default'].includes(body.string('Driver')) && isEmpty(body.stringMap('Options'))
        ? undefined
        : 'networks with a driver or its options';
  }
}

function isEmpty(map: Readonly<Record<string, string>>): boolean {
  return Object.keys(map).length === 0;
}

/** Links of single networks. */
function linkProblem(body: Fields, { containers }: Judge): string | undefined {
  const endpoints = body.object('NetworkingConfig').objectMap('EndpointsConfig');
  const names = endpoints
    .flatMap(([, endpoint]) => endpoint.strings('Links'))
    .map((link) => link.split(':')[0]);
  const unseen = names.find((name) => containers.find(name ?? '') === undefined);
  return unseen === undefined ? undefined : `links to containers that it does not see (${unseen})`;
}

function checkLabels(scope: SocketScope, body: Fields): void {
  const { labels } = decodeContainerConfig(body);
  const missing = scope.labels.find((label) => !matchesLabels([label], labels));
  if (missing === undefined) return;
  const socket = JSON.stringify(scope.name);
  throw new EngineError(
    'forbidden',
    `permission denied by the scoped socket ${socket}: a new container must have the label ${missing}`,
    { hint: `add --label ${missing}` },
  );
}

function refuseBuild(scope: SocketScope, query: Query): void {
  if (!/^(?:|default|bridge|none)$/.test(query.text('networkmode')))
    throw hostRefusal(scope, 'builds in other network namespaces');
  if (query.has('cgroupparent') && query.text('cgroupparent') !== '')
    throw hostRefusal(scope, 'a cgroup of their own choice');
  if (!/^(?:|\[\]|null)$/.test(query.text('securityopt')))
    throw hostRefusal(scope, 'security options of builds');
}

function hostRefusal({ name }: SocketScope, what: string): EngineError {
  const message = `permission denied by the scoped socket ${JSON.stringify(name)}: it may not have ${what}`;
  return new EngineError('forbidden', message, {
    hint: "that is the host's: only a socket made with --allow-host may",
  });
}

/** Prunes what is visible, and nothing else. */
function narrowed(query: Query, scope: SocketScope): Query {
  if (scope.labels.length === 0) return query;
  const given = query.filters();
  const labels = [...(given.get('label') ?? []), ...scope.labels];
  const filters = Object.fromEntries([...given, ['label', labels]]);
  return query.with('filters', JSON.stringify(filters));
}
