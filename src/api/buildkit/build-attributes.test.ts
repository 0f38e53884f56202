/** Attributes, filters and progress as BuildKit's clients send and read them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BuildEvent, CacheRecord } from '../../build/build-types.ts';
import { DockerfileError } from '../../build/dockerfile/errors.ts';
import { EngineError, isEngineError } from '../../errors/engine-error.ts';
import {
  cacheImportsOf,
  extraHostsOf,
  flagOf,
  networkModeOf,
  noCacheOf,
  prefixed,
  resourcesOf,
} from './build-attributes.ts';
import { failureStatus } from './build-failure.ts';
import { BuildLog } from './build-log.ts';
import { cacheFilters, matchesFields } from './cache-filters.ts';
import { trailersOf } from './grpc-status.ts';

const attributes = (values: Record<string, string>): Map<string, string> => new Map(Object.entries(values));
const refuses = (work: () => unknown): void =>
  assert.throws(work, (error) => isEngineError(error, 'invalid-argument'));

test('attributes become parts of the request', () => {
  assert.deepEqual(
    [...prefixed(attributes({ 'build-arg:A': '1', 'label:A': '2' }), 'build-arg:')],
    [['A', '1']],
  );
  assert.deepEqual(extraHostsOf('a=1.2.3.4,b=::1'), ['a:1.2.3.4', 'b:::1']);
  assert.deepEqual(resourcesOf(attributes({ ulimit: 'nofile=10:20,core=-1', 'shm-size': '64' })).ulimits, [
    { name: 'nofile', soft: 10, hard: 20 },
    { name: 'core', soft: -1, hard: -1 },
  ]);
  assert.deepEqual(
    [
      noCacheOf(attributes({})),
      noCacheOf(attributes({ 'no-cache': '' })),
      noCacheOf(attributes({ 'no-cache': 'a,b' })),
    ],
    [false, true, ['a', 'b']],
  );
  assert.equal(networkModeOf(attributes({ 'force-network-mode': 'none' })), 'none');
  assert.deepEqual([flagOf('T', 'x'), flagOf('0', 'x'), flagOf(undefined, 'x')], [true, false, false]);
  const imports = cacheImportsOf(attributes({ 'cache-imports': '[{"Type":"local","Attrs":{"src":"/c"}}]' }));
  assert.deepEqual(imports, [{ type: 'local', attrs: new Map([['src', '/c']]) }]);
});

test('attributes that mean nothing are refused', () => {
  refuses(() => resourcesOf(attributes({ ulimit: 'nofile' })));
  refuses(() => resourcesOf(attributes({ 'shm-size': 'much' })));
  refuses(() => networkModeOf(attributes({ 'force-network-mode': 'bridge' })));
  refuses(() => flagOf('maybe', 'push'));
  refuses(() => cacheImportsOf(attributes({ 'cache-imports': '{' })));
});

const record: CacheRecord = {
  id: 'one',
  parents: [],
  description: 'mount /c from exec',
  type: 'exec.cachemount',
  size: 1,
  isInUse: false,
  isShared: true,
  createdAt: 0,
  lastUsedAt: 0,
  usageCount: 1,
};

test("containerd's filters of the cache", () => {
  const fits = (...filters: string[]): boolean => cacheFilters(filters).matches(record);
  assert.deepEqual([fits(), fits('type==exec.cachemount'), fits('type==regular')], [true, true, false]);
  assert.deepEqual(
    [fits('description~=^mount'), fits('id!=one'), fits('shared'), fits('private')],
    [true, false, true, false],
  );
  assert.deepEqual([fits('id==one,inuse==true'), fits('id==one', 'inuse==true')], [false, true]);
  refuses(() => cacheFilters(['colour==red']));
  refuses(() => cacheFilters(['description~=(']));
  assert.equal(matchesFields(record, new Map([['type', ['regular', 'exec.cachemount']]])), true);
  assert.equal(matchesFields(record, new Map([['nothing', ['x']]])), false);
});

const begun: BuildEvent = {
  kind: 'vertex',
  vertex: { digest: 'sha256:1', name: 'RUN x', inputs: [], startedAt: 1500 },
};

test('who follows late is told all, and every follower ends with the build', async () => {
  const log = new BuildLog();
  log.add(begun);
  const live = collect(log.follow(AbortSignal.timeout(5000)));
  log.add({ kind: 'log', vertex: 'sha256:1', stream: 2, data: Buffer.from('said'), at: 1600 });
  log.end();
  const late = await collect(log.follow(AbortSignal.timeout(5000)));
  for (const told of [await live, late]) {
    assert.deepEqual(
      told.flatMap((one) => one.vertexes ?? []).map(({ name, started }) => [name, started]),
      [['RUN x', { seconds: 1, nanos: 500_000_000 }]],
    );
    assert.deepEqual(
      told.flatMap((one) => one.logs ?? []).map(({ stream, msg }) => [stream, msg.toString()]),
      [[2, 'said']],
    );
  }
});

test('a follower that goes does not wait for the end', async () => {
  const log = new BuildLog();
  const gone = new AbortController();
  const following = collect(log.follow(gone.signal));
  gone.abort();
  assert.deepEqual(await following, []);
});

test('errors carry their place in the Dockerfile', () => {
  const source = { name: 'Dockerfile', lines: ['FROM a', 'RUNN b'] };
  const position = { line: 2, column: 0 };
  const error = new DockerfileError('unknown instruction', {
    source,
    range: { start: position, end: position },
  });
  const [detail] = failureStatus(error, { vertex: undefined, file: undefined }).details;
  assert.equal(detail?.typeUrl, 'github.com/moby/buildkit/errdefs.Source+json');
  const { info, ranges } = JSON.parse(detail?.value.toString() ?? '');
  assert.equal(Buffer.from(info.data, 'base64').toString(), 'FROM a\nRUNN b');
  assert.equal(ranges[0].start.line, 2);
  const step = failureStatus(new EngineError('failed-precondition', 'exit code: 1'), {
    vertex: { digest: 'sha256:1', name: 'RUN b', inputs: [], error: 'x', lines: [3, 4] },
    file: { name: 'Dockerfile', data: Buffer.from('text') },
  });
  assert.equal(step.code, 2);
  assert.deepEqual(
    step.details.map(({ typeUrl }) => typeUrl.split('.').at(-1)),
    ['Source+json', 'Vertex+json'],
  );
});

test("a status's words may have any letters", () => {
  const trailers = trailersOf({ code: 2, message: 'größer\n100%', details: [] });
  assert.equal(trailers['grpc-message'], 'gr%C3%B6%C3%9Fer%0A100%25');
});

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
