/** The program as a whole: help, unknown words, wrong arguments, and errors with their exit codes. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gantry } from '../../test/support/program-io.ts';
import { commands } from './command-table.ts';

const folder = mkdtempSync(join(tmpdir(), 'gantry-program-'));
const host = `unix://${folder}/s.sock`;
const requests: string[] = [];
const server = createServer((request, response) => {
  requests.push(`${request.method} ${request.url}`);
  if (request.url?.includes('/containers/json') === true) response.end('[]');
  else if (request.url?.includes('prune') === true)
    response.end('{"ContainersDeleted":["abc"],"SpaceReclaimed":1500}');
  else response.writeHead(404).end('{"message":"No such container: x"}');
});
before(() => new Promise<void>((resolve) => server.listen(`${folder}/s.sock`, resolve)));
after(() => {
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

test('every command has a help with its usage, aliases and flags', async () => {
  for (const { names, summary } of commands) {
    for (const name of names) {
      const { code, stdout, stderr } = await gantry([...name.split(' '), '--help']);
      assert.equal(code, 0, name);
      assert.equal(stderr, '');
      assert.match(stdout, /^Usage: {2}gantry /);
      assert.ok(stdout.includes(summary), name);
    }
  }
});

test('every command has an example, but for a few that need none', async () => {
  const others = /^(context|network|socket|checkpoint|system dial-stdio)/;
  for (const { names, load, hidden } of commands) {
    const [name = ''] = names;
    if (hidden === true || others.test(name)) continue;
    const { examples = [] } = await load();
    assert.ok(examples.length > 0, name);
    for (const [line] of examples)
      assert.ok(
        names.some((one) => `${line} `.startsWith(`${one} `)),
        `${name}: ${line}`,
      );
  }
});

test('help of gantry and of its groups lists all commands', async () => {
  const root = await gantry(['--help']);
  assert.equal(root.code, 0);
  assert.deepEqual(await gantry([]), root);
  for (const name of ['run', 'container', 'images', 'events'])
    assert.match(root.stdout, new RegExp(`^  ${name} `, 'm'));
  const group = await gantry(['container']);
  assert.match(group.stdout, /Usage: {2}gantry container COMMAND/);
  for (const name of ['ls', 'run', 'prune', 'inspect'])
    assert.match(group.stdout, new RegExp(`^  ${name} `, 'm'));
  assert.deepEqual(await gantry(['help', 'ps']), await gantry(['ps', '--help']));
});

test('no colours where there is no terminal', async () => {
  assert.ok(!(await gantry(['run', '--help'])).stdout.includes('\x1b'));
});

test('unknown words are answered with a guess', async () => {
  const { code, stderr } = await gantry(['rnu']);
  assert.equal(code, 1);
  assert.match(stderr, /^gantry: unknown command: gantry rnu\n\nDid you mean 'gantry run'\?\n/);
  assert.match((await gantry(['container', 'lss'])).stderr, /Did you mean 'gantry container ls'\?/);
  const flag = await gantry(['ps', '--quite']);
  assert.equal(flag.code, 125);
  assert.match(
    flag.stderr,
    /^unknown flag: --quite\nDid you mean --quiet\?\n\nUsage: {2}gantry ps \[OPTIONS\]\n/,
  );
  assert.equal((await gantry(['--zork'])).code, 125);
});

test('too many and too few arguments', async () => {
  const cases: ReadonlyArray<readonly [args: string[], message: string]> = [
    [['rm'], "gantry: 'gantry rm' requires at least 1 argument"],
    [['ps', 'x'], "gantry: 'gantry ps' accepts no arguments"],
    [['logs', 'a', 'b'], "gantry: 'gantry logs' requires 1 argument"],
    [['tag', 'a'], "gantry: 'gantry tag' requires 2 arguments"],
    [['exec', 'a'], "gantry: 'gantry exec' requires at least 2 arguments"],
    [['images', 'a', 'b'], "gantry: 'gantry images' requires at most 1 argument"],
    [['port', 'a', 'b', 'c'], "gantry: 'gantry port' requires at least 1 and at most 2 arguments"],
  ];
  for (const [args, message] of cases) {
    const { code, stderr } = await gantry(args);
    assert.equal(code, 1);
    assert.equal(stderr.split('\n')[0], message);
  }
});

test('the daemon is found by -H, GANTRY_HOST and DOCKER_HOST, in this order', async () => {
  const header = 'CONTAINER ID   IMAGE     COMMAND   CREATED   STATUS    PORTS     NAMES\n';
  assert.deepEqual(await gantry(['-H', host, 'ps'], '', { GANTRY_HOST: 'unix:///no' }), {
    code: 0,
    stdout: header,
    stderr: '',
  });
  assert.equal((await gantry(['ps'], '', { GANTRY_HOST: host, DOCKER_HOST: 'unix:///no' })).code, 0);
  assert.equal((await gantry(['container', 'ls'], '', { DOCKER_HOST: host })).code, 0);
  const { code, stderr } = await gantry(['ps'], '', { DOCKER_HOST: 'unix:///no/gantry.sock' });
  assert.equal(code, 1);
  assert.match(
    stderr,
    /^Cannot connect to the Gantry daemon at unix:\/\/\/no\/gantry.sock. Is the daemon running\?\nStart it with: gantryd/,
  );
  assert.match(
    (await gantry(['-c', 'nope', 'ps'])).stderr,
    /^Failed to initialize: unable to resolve docker endpoint: context "nope": context not found: open \/nowhere\/contexts\//,
  );
});

test('each argument is tried, and one failure makes the exit code 1', async () => {
  requests.length = 0;
  const { code, stderr } = await gantry(['-H', host, 'rm', '-fv', 'x', 'y']);
  assert.equal(code, 0, 'with --force what is not there is as good as removed');
  assert.deepEqual(requests, [
    'DELETE /v1.51/containers/x?force=1&v=1',
    'DELETE /v1.51/containers/y?force=1&v=1',
  ]);
  assert.equal(stderr, 'Error response from daemon: No such container: x\n'.repeat(2));
  assert.equal((await gantry(['-H', host, 'rm', 'x'])).code, 1);
});

test('run fails with 125 and points at its help', async () => {
  const { code, stderr } = await gantry(['-H', host, 'run', '-p', 'x:80', 'busybox']);
  assert.equal(code, 125);
  assert.equal(stderr, "gantry: invalid hostPort: x\n\nRun 'gantry run --help' for more information\n");
});

test('prune asks first', async () => {
  const no = await gantry(['-H', host, 'container', 'prune'], 'n\n');
  assert.deepEqual(no, {
    code: 0,
    stdout: 'WARNING! This will remove all stopped containers.\nAre you sure you want to continue? [y/N] ',
    stderr: '',
  });
  const yes = await gantry(['-H', host, 'container', 'prune'], 'y\n');
  assert.equal(yes.code, 0);
  assert.ok(yes.stdout.endsWith('Deleted Containers:\nabc\n\nTotal reclaimed space: 1.5kB\n'));
});

test('completion knows commands, flags and what stands there already', async () => {
  const candidates = async (...words: string[]) =>
    (await gantry(['-H', host, 'completion', 'candidates', '--', ...words])).stdout
      .split('\n')
      .map((line) => line.split('\t')[0]);
  assert.deepEqual(await candidates('ru'), ['run', '']);
  assert.deepEqual((await candidates('container', 'l')).sort(), ['', 'logs', 'ls']);
  assert.ok((await candidates('run', '--mem')).includes('--memory'));
  assert.ok((await candidates('-H', host, 'volume', '')).includes('create'));
  const config = join(folder, 'config');
  mkdirSync(config);
  writeFileSync(join(config, 'config.json'), '{"auths":{"b.example:5000":{},"a.example":{}}}');
  const env = { DOCKER_CONFIG: config };
  const logins = await gantry(['-H', host, 'completion', 'candidates', '--', 'logout', ''], '', env);
  assert.equal(logins.stdout, 'a.example\nb.example:5000\n');
  for (const shell of ['bash', 'zsh', 'fish'])
    assert.match((await gantry(['completion', shell])).stdout, /completion candidates --/);
  assert.equal((await gantry(['completion', 'csh'])).code, 1);
});
