/** The package as its users get it: packed, unpacked into a project of its own, type-checked at its strictest, its examples run. */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { type CommandResult, runProgram, TestDaemon } from '../support/daemon.ts';
import { buildBusyboxImage, busyboxArchive } from '../support/image-fixtures.ts';
import { pushImage, startRegistry } from '../support/registry.ts';

const project = mkdtempSync(join(tmpdir(), 'gantry-project-'));
const installed = join(project, 'node_modules/gantry');
let daemon: TestDaemon;

before(async () => {
  daemon = await TestDaemon.start();
  await pack();
  writeFileSync(
    join(project, 'package.json'),
    JSON.stringify({ name: 'project', type: 'module', private: true }),
  );
  cpSync(join(installed, 'examples'), join(project, 'examples'), { recursive: true });
  // The compiler and the types of Node.js are what any such project has; nothing else of ours is there.
  mkdirSync(join(project, 'node_modules/@types'), { recursive: true });
  symlinkSync(resolve('node_modules/@types/node'), join(project, 'node_modules/@types/node'));
});
after(async () => {
  await daemon.close();
  rmSync(project, { recursive: true, force: true });
});

async function pack(): Promise<void> {
  const packed = await ok(['npm', 'pack', '--ignore-scripts', '--silent', '--pack-destination', project]);
  mkdirSync(installed, { recursive: true });
  await ok(['tar', '-xzf', join(project, packed.stdout.trim()), '-C', installed, '--strip-components', '1']);
}

async function ok(argv: readonly string[], env: Record<string, string> = {}): Promise<CommandResult> {
  const result = await runProgram(argv, { env: { ...env, NODE_NO_WARNINGS: '1' } });
  assert.equal(result.code, 0, `${argv.join(' ')}:\n${result.stdout}${result.stderr}`);
  return result;
}

/** Runs an example with this test's Node.js, in the project. */
function example(
  name: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<CommandResult> {
  return runProgram([process.execPath, join(project, 'examples', name), ...args], {
    env: { DOCKER_HOST: daemon.host, GANTRY_HOST: '', NODE_NO_WARNINGS: '1', ...env },
  });
}

const strict = {
  target: 'es2022',
  types: ['node'],
  strict: true,
  noEmit: true,
  skipLibCheck: false,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noPropertyAccessFromIndexSignature: true,
  isolatedModules: true,
};

const resolutions = [
  { module: 'nodenext', moduleResolution: 'nodenext', verbatimModuleSyntax: true },
  { module: 'esnext', moduleResolution: 'bundler' },
];

/** Checks files of the project; the compiler's exit code and words. */
async function check(options: object, files: readonly string[]): Promise<CommandResult> {
  const config = join(project, 'tsconfig.json');
  writeFileSync(config, JSON.stringify({ compilerOptions: { ...strict, ...options }, files }));
  return runProgram([resolve('node_modules/.bin/tsc'), '-p', config]);
}

test('the examples satisfy the strictest compiler, libraries included', { timeout: 120_000 }, async () => {
  const files = readdirSync(join(project, 'examples')).map((name) => `examples/${name}`);
  assert.ok(files.length >= 4, files.join());
  for (const options of resolutions) {
    const { code, stdout } = await check(options, files);
    assert.equal(code, 0, `${JSON.stringify(options)}:\n${stdout}`);
  }
});

test('the types refuse what is wrong', async () => {
  const wrong = [
    'client.containers.create({});',
    "client.containers.create({ Image: 'a', HostConfig: { Memory: 'much' } });",
    "client.containers.wait('a', { condition: 'never' });",
    "client.images.pull('a', { signal: 5 });",
    "createClient({ socket: '/run/gantry.sock' });",
    'createEngine({ dataRoot: 1 });',
    "const id: number = (await client.containers.inspect('a')).Id;",
  ];
  const right =
    "client.containers.create({ Image: 'a', HostConfig: { PortBindings: { '80/tcp': [{ HostPort: '8080' }] } } });";
  const head = [
    "import { createClient } from 'gantry/client';",
    "import { createEngine } from 'gantry/engine';",
    'const client = createClient();',
    right,
  ];
  writeFileSync(join(project, 'wrong.ts'), `${[...head, ...wrong].join('\n')}\n`);
  const { stdout } = await check({ ...resolutions[0], noUnusedLocals: false }, ['wrong.ts']);
  const lines = new Set([...stdout.matchAll(/wrong\.ts\((\d+),/g)].map(([, line]) => Number(line)));
  assert.deepEqual(
    [...lines].sort((a, b) => a - b),
    wrong.map((_, index) => head.length + 1 + index),
    stdout,
  );
});

test('only the two entries can be imported', async () => {
  const load = async (name: string): Promise<string> => {
    writeFileSync(join(project, 'load.mjs'), `console.log(Object.keys(await import('${name}')).join());\n`);
    const { stdout, stderr } = await runProgram([process.execPath, join(project, 'load.mjs')]);
    return stdout + stderr;
  };
  assert.match(await load('gantry/client'), /^(?=.*\bcreateClient\b)(?=.*\bEngineError\b).*\n$/);
  assert.match(await load('gantry/engine'), /^EngineError,createEngine,isEngineError\n$/);
  const same = `(await import('gantry/client')).EngineError === (await import('gantry/engine')).EngineError`;
  writeFileSync(join(project, 'same.mjs'), `console.log(${same});\n`);
  assert.equal((await ok([process.execPath, join(project, 'same.mjs')])).stdout, 'true\n');
  assert.match(await load('gantry/dist/gantryd.js'), /ERR_PACKAGE_PATH_NOT_EXPORTED/);
});

test('the example that runs a container passes output and exit code on, and says what is wrong', async () => {
  const ran = await example('run-container.ts', ['busybox', 'sh', '-c', 'echo out; echo err >&2; exit 9']);
  assert.deepEqual([ran.code, ran.stdout, ran.stderr], [9, 'out\n', 'err\n']);
  const none = await example('run-container.ts', ['none']);
  assert.deepEqual([none.code, none.stdout], [125, '']);
  assert.match(none.stderr, /^not-found \(404\): Error response from daemon: No such image/);
  const nobody = await example('run-container.ts', ['none'], { DOCKER_HOST: 'unix:///nowhere.sock' });
  assert.match(nobody.stderr, /^unavailable: Cannot connect/);
});

test('the example that watches events sees them, and ends', async () => {
  const watching = example('watch-events.ts', ['3']);
  // Until it listens there is nothing to see: runs go on until it has had enough.
  const done = watching.then(() => true);
  for (let runs = 0; runs < 50; runs += 1) {
    await daemon.ok(['run', '--rm', '--network', 'none', '--name', 'seen', 'busybox', 'true']);
    if (await Promise.race([done, new Promise((wait) => setTimeout(wait, 50, false))])) break;
  }
  const { code, stdout } = await watching;
  assert.equal(code, 0);
  assert.match(stdout, /^watching Gantry\/.*, API 1\.51\n/);
  assert.equal(stdout.match(/^\d{4}-\S+Z seen \w+$/gm)?.length, 3, stdout);
});

test('the example that pulls shows the layers', async () => {
  const registry = await startRegistry();
  try {
    await pushImage(registry.url, 'library/tool', '1', buildBusyboxImage());
    const { code, stdout, stderr } = await example('pull-image.ts', [`${registry.host}/library/tool:1`]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /Pulling from library\/tool/);
    assert.match(stdout, /tool:1 is sha256:[0-9a-f]{64}, \d+\.\d MB\n$/);
  } finally {
    await registry.stop();
  }
});

test('the example with an engine of its own passes', { timeout: 120_000 }, async () => {
  const archive = join(project, 'busybox.tar');
  writeFileSync(archive, busyboxArchive());
  const file = join(project, 'examples/embedded-engine.test.ts');
  // A test runner within another refuses to run, unless it does not know.
  const argv = ['env', '-u', 'NODE_TEST_CONTEXT', process.execPath, '--test', '--test-reporter=tap', file];
  const { stdout } = await ok(argv, { BUSYBOX_TAR: archive });
  assert.match(stdout, /^# pass 2$/m);
});
