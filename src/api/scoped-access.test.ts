/** Scoped sockets go through every route: what has no rule is refused, what has one needs just its permissions. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SocketScope } from '../engine/sockets.ts';
import { allPermissions, type Permission, parsePermissions } from '../engine/sockets-permissions.ts';
import { EngineError } from '../errors/engine-error.ts';
import type { Call } from './call.ts';
import { Query } from './query.ts';
import { routes } from './routes.ts';
import { serveScoped } from './scoped-access.ts';
import { ruleKey, ruleKeys, ruleOf } from './scoped-access-rules.ts';

function scopeWith(permissions: Iterable<Permission>, allowHost = true): SocketScope {
  return { name: 'test', permissions: new Set(permissions), labels: [], allowHost };
}

/** Only what the gate looks at before it lets a request pass. */
function callOf(): Call {
  const engine = {
    containers: { resolve: () => ({ id: 'c' }), find: () => undefined, has: () => true, list: () => [] },
    execs: { resolve: () => ({ record: { containerId: 'c' } }) },
    events: { subscribe: () => [] },
  };
  const call = {
    engine,
    params: { id: 'x', name: 'x' },
    query: new Query('/'),
    version: '1.51',
    request: { headers: {} },
    signal: new AbortController().signal,
  };
  // The gate takes nothing else of a call.
  return call as unknown as Call;
}

async function refusalOf(
  scope: SocketScope,
  route: readonly [string, string, ...unknown[]],
): Promise<string | undefined> {
  try {
    await serveScoped(scope, [route[0], route[1]], callOf(), () => undefined);
    return undefined;
  } catch (error) {
    assert.ok(error instanceof EngineError && error.code === 'forbidden', `${route}: ${error}`);
    return error.message;
  }
}

test('without permissions nothing but the handshake is served', async () => {
  const served = [];
  for (const route of routes) {
    if ((await refusalOf(scopeWith([]), route)) === undefined) served.push(ruleKey(route[0], route[1]));
  }
  assert.deepEqual(served, ['GET /_ping', 'HEAD /_ping', 'GET /version']);
});

test('each route needs all of its permissions, and no others', async () => {
  for (const route of routes) {
    const rule = ruleOf(route[0], route[1]);
    if (rule === undefined) continue;
    assert.equal(await refusalOf(scopeWith(rule.needs), route), undefined, ruleKey(route[0], route[1]));
    for (const missing of rule.needs) {
      const others = allPermissions.filter((one) => one !== missing);
      const refusal = await refusalOf(scopeWith(others), route);
      assert.match(refusal ?? '', new RegExp(`${route[0]} .* needs (?:.* and )?${missing}`));
    }
  }
});

test('a route without a rule is refused, whatever the socket may do', async () => {
  const closed = routes.filter(([method, path]) => ruleOf(method, path) === undefined);
  for (const route of closed)
    assert.match((await refusalOf(scopeWith(allPermissions), route)) ?? '', /is not open to scoped/);
  const keys = closed.map(([method, path]) => ruleKey(method, path));
  for (const key of ['GET /gantry/sockets', 'POST /gantry/sockets', 'DELETE /gantry/sockets/:'])
    assert.ok(keys.includes(key), `${key} would let a socket make itself more powerful`);
  assert.match(
    (await refusalOf(scopeWith(allPermissions), ['POST', '/new/route'])) ?? '',
    /is not open to scoped/,
  );
});

test('each rule is of a route that there is', () => {
  const known = new Set(routes.map(([method, path]) => ruleKey(method, path)));
  assert.deepEqual(
    ruleKeys.filter((key) => !known.has(key)),
    [],
  );
});

test('reads are served with the narrowed engine, and writes never are', () => {
  for (const [method, path] of routes) {
    const rule = ruleOf(method, path);
    if (rule?.reads === true) assert.equal(method, 'GET', path);
    // One that names a container must look for it among those that are visible.
    if (/^\/(?:gantry\/)?containers\/:/.test(path) && rule !== undefined)
      assert.equal(rule.target, 'container', path);
    if (path.startsWith('/exec/:') && rule !== undefined) assert.equal(rule.target, 'exec', path);
  }
});

test('permissions as users write them', () => {
  const cases: ReadonlyArray<readonly [words: string[], permissions: string[]]> = [
    [
      ['containers:read', 'events'],
      ['containers:read', 'events:read'],
    ],
    [['volumes'], ['volumes:read', 'volumes:write']],
    [['networks:all'], ['networks:read', 'networks:write']],
    [
      ['exec', 'logs'],
      ['containers:exec', 'containers:logs'],
    ],
    [['build'], ['build:write']],
    [['all'], [...allPermissions]],
  ];
  for (const [words, permissions] of cases)
    assert.deepEqual([...parsePermissions(words)].sort(), [...permissions].sort(), words.join());
  for (const words of [
    [],
    [''],
    ['container:read'],
    ['containers:fly'],
    [':read'],
    ['containers:'],
    ['events'],
    ['containers:read:x'],
  ])
    assert.throws(() => parsePermissions(words), { code: 'invalid-argument' }, JSON.stringify(words));
});
