/** Holds the layout to the architecture: who may import whom, no cycles, small files, no dependency without a reason. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';

/** Each room may import itself and the rooms above it. */
const rooms = [
  'errors',
  'util',
  'oci',
  'wire',
  'host',
  'store',
  'snapshots',
  'runtime',
  'network',
  'volumes',
  'images',
  'registry',
  'engine',
  'build',
  'api',
  'client',
  'cli',
  'bin',
];
/** Rooms that never import each other. */
const content = new Set(['store', 'snapshots', 'runtime', 'network', 'volumes']);
/** Rooms that know Docker's wire format. */
const wireReaders = new Set(['wire', 'api', 'client', 'cli', 'bin']);
/** `cli` and `client` are programs of their own: they reach the engine over the API only. */
const clientSide = new Set(['client', 'cli']);
const serverOnly = new Set(rooms.slice(rooms.indexOf('host'), rooms.indexOf('client')));

const sources = globSync('src/**/*.ts').filter((path) => !path.endsWith('.test.ts'));
const importPattern =
  /(?:^|\n)\s*(?:import|export)\s[^;'"]*?from\s+['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)|(?:^|\n)\s*import\s+['"]([^'"]+)['"]/g;

function importsOf(path: string): string[] {
  const text = readFileSync(path, 'utf8');
  return [...text.matchAll(importPattern)].map((match) => match[1] ?? match[2] ?? match[3] ?? '');
}

function localImportsOf(path: string): string[] {
  return importsOf(path)
    .filter((specifier) => specifier.startsWith('.'))
    .map((specifier) => normalize(join(dirname(path), specifier)));
}

function roomOf(path: string): string {
  return path.split('/')[1] ?? '';
}

function violation(from: string, to: string): string | undefined {
  if (from === to) return undefined;
  if (rooms.indexOf(to) > rooms.indexOf(from)) return 'is below it';
  if (content.has(from) && content.has(to)) return 'is a sibling that it must not know';
  if (to === 'wire' && !wireReaders.has(from)) return "is the wire's, which only api, client and cli read";
  if (clientSide.has(from) && serverOnly.has(to)) return "is the daemon's";
  return undefined;
}

test('every file stands in a room', () => {
  for (const path of sources) assert.ok(rooms.includes(roomOf(path)), `${path} is in no known room`);
});

test('rooms import only what their row allows', () => {
  const found = sources.flatMap((path) =>
    localImportsOf(path).flatMap((target) => {
      const why = violation(roomOf(path), roomOf(target));
      return why === undefined ? [] : [`${path} imports ${target}, which ${why}`];
    }),
  );
  assert.deepEqual(found, []);
});

test('no file imports itself through others', () => {
  const state = new Map<string, 'open' | 'done'>();
  const visit = (path: string, trail: string[]): void => {
    if (state.get(path) === 'done') return;
    assert.notEqual(state.get(path), 'open', `a cycle: ${[...trail, path].join(' → ')}`);
    state.set(path, 'open');
    for (const next of localImportsOf(path)) if (sources.includes(next)) visit(next, [...trail, path]);
    state.set(path, 'done');
  };
  for (const path of sources) visit(path, []);
});

test('no source file is over 400 lines', () => {
  const files = [...globSync('{src,test,scripts}/**/*.ts'), ...globSync('native/**/*.{c,h}')];
  const long = files.filter((path) => readFileSync(path, 'utf8').split('\n').length > 401);
  assert.deepEqual(long, []);
});

test('each file opens with a sentence on what it is for', () => {
  const silent = sources.filter((path) => !/^(#!.*\n)?\/\*\*/.test(readFileSync(path, 'utf8')));
  assert.deepEqual(silent, []);
});

test('only src/host spawns processes', () => {
  const spawning = sources.filter(
    (path) => roomOf(path) !== 'host' && importsOf(path).some((name) => name === 'node:child_process'),
  );
  assert.deepEqual(
    spawning.filter((path) => !clientSide.has(roomOf(path))),
    [],
  );
});

test('every dependency has its reason in CONTRIBUTING.md', () => {
  const manifest: unknown = JSON.parse(readFileSync('package.json', 'utf8'));
  assert.ok(typeof manifest === 'object' && manifest !== null);
  const contributing = readFileSync('CONTRIBUTING.md', 'utf8');
  for (const key of ['dependencies', 'devDependencies', 'optionalDependencies'] as const) {
    const group: unknown = Reflect.get(manifest, key);
    assert.ok(typeof group === 'object' && group !== null, key);
    for (const name of Object.keys(group)) {
      assert.ok(contributing.includes(`\`${name}\``), `CONTRIBUTING.md gives no reason for ${name}`);
    }
  }
});

test('every runtime dependency is imported somewhere', () => {
  const manifest: { dependencies: Record<string, string> } = JSON.parse(readFileSync('package.json', 'utf8'));
  const imported = new Set(sources.flatMap(importsOf));
  const unused = Object.keys(manifest.dependencies).filter(
    (name) => ![...imported].some((one) => one === name || one.startsWith(`${name}/`)),
  );
  assert.deepEqual(unused, []);
});
