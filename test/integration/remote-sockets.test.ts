/** Scoped sockets: a tool sees and does what it was allowed, through every kind of connection, and over restarts of the daemon. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type CommandResult, runProgram, TestDaemon } from '../support/daemon.ts';

let daemon: TestDaemon;
before(async () => {
  daemon = await TestDaemon.start();
  for (const [name, label] of [
    ['web', 'app=web'],
    ['db', 'app=db'],
  ]) {
    const loop = 'trap "exit 0" TERM; echo started; while :; do sleep 1; done';
    await daemon.ok(['run', '-d', '--name', name ?? '', '--label', label ?? '', 'busybox', 'sh', '-c', loop]);
  }
});
after(() => daemon.close());

/** Makes a socket and gives a function that runs the command line through it. */
async function scoped(name: string, ...flags: string[]) {
  const made = await daemon.gantry(['socket', 'create', ...flags, name]);
  assert.equal(made.code, 0, made.stderr);
  const path = made.stdout.trim();
  const run = (...args: string[]): Promise<CommandResult> =>
    runProgram([daemon.client, '-H', `unix://${path}`, ...args]);
  return { path, run };
}

function assertRefused({ code, stderr }: CommandResult, pattern: RegExp): void {
  assert.notEqual(code, 0);
  assert.match(stderr, pattern);
}

/** A request as a program makes it. */
function call(
  path: string,
  method: string,
  route: string,
  body?: unknown,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const text = body === undefined ? '' : JSON.stringify(body);
    const headers = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) };
    const sent = request({ socketPath: path, method, path: route, headers, timeout: 10_000 }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }),
      );
    });
    sent.on('error', reject);
    sent.end(text);
  });
}

test('a proxy that watches: lists, inspects and events of what has the label, and nothing else', async () => {
  const { run, path } = await scoped(
    'watch',
    '--allow',
    'containers:read,events,networks:read',
    '--label',
    'app=web',
  );
  assert.equal((await run('ps', '-a', '--format', '{{.Names}}')).stdout, 'web\n');
  assert.equal((await run('inspect', '-f', '{{.Name}}', 'web')).stdout, '/web\n');
  const dbId = await daemon.ok(['inspect', '-f', '{{.Id}}', 'db']);
  for (const ref of ['db', '/db', dbId, dbId.slice(0, 12)])
    assertRefused(await run('container', 'inspect', ref), /No such container/);
  assertRefused(await run('container', 'top', 'db'), /No such container: db/);
  assertRefused(await run('ps', '-a', '--filter', `since=${dbId}`), /No such container/);
  const members = JSON.parse((await call(path, 'GET', '/networks/bridge')).text).Containers;
  assert.deepEqual(
    Object.values(members).map((one) => (one as { Name: string }).Name),
    ['web'],
  );
  assertRefused(await run('logs', 'web'), /needs containers:logs/);
  assertRefused(await run('info'), /needs system:read/);
  assertRefused(await run('images'), /needs images:read/);
  assertRefused(await run('stop', 'web'), /POST \/containers\/:id\/stop needs containers:write/);
  assertRefused(await run('run', 'busybox'), /POST \/containers\/create needs containers:write/);
});

test('events: those of visible containers, also when they are gone', async () => {
  const { run } = await scoped('events', '--allow', 'containers:read,events', '--label', 'app=web');
  const all = await scoped('all-events', '--allow', 'containers:read,events');
  const since = String(Date.now() / 1000);
  for (const label of ['app=web', 'app=db'])
    await daemon.ok(['run', '--rm', '--label', label, '--network', 'none', 'busybox', 'true']);
  await daemon.ok(['volume', 'create', 'noise']);
  await daemon.ok(['volume', 'rm', 'noise']);
  const range = ['--since', since, '--until', String(Date.now() / 1000 + 0.2)];
  const format = ['--format', '{{.Type}} {{.Action}} {{.Actor.Attributes.app}}'];
  const seen = (await run('events', ...range, ...format)).stdout.trim().split('\n');
  assert.ok(seen.includes('container destroy web'), seen.join());
  assert.deepEqual(
    seen.filter((line) => !/^container \S+ web$/.test(line)),
    [],
  );
  const types = (await all.run('events', ...range, '--format', '{{.Type}}')).stdout.trim().split('\n');
  assert.deepEqual([...new Set(types)], ['container'], 'a socket sees events of what it may read');
});

test('exec, attach and logs: by permission, in visible containers, over taken connections too', async () => {
  const { run, path } = await scoped('exec', '--allow', 'containers:read,exec,logs', '--label', 'app=web');
  assert.equal((await run('exec', 'web', 'echo', 'hi')).stdout, 'hi\n');
  assert.equal((await run('logs', 'web')).stdout, 'started\n');
  assertRefused(await run('logs', 'db'), /No such container: db/);
  assertRefused(await run('exec', 'db', 'true'), /No such container: db/);
  assertRefused(await run('exec', '--privileged', 'web', 'true'), /may not have privileged processes/);
  const created = await call(daemon.socket, 'POST', '/containers/db/exec', { Cmd: ['true'] });
  const { Id: execId }: { Id: string } = JSON.parse(created.text);
  for (const [method, route] of [
    ['GET', `/exec/${execId}/json`],
    ['POST', `/exec/${execId}/start`],
    ['POST', `/v1.44/exec/${execId}/start`],
    ['POST', '/containers/db/attach?stream=1&stdout=1'],
    ['POST', '/containers/%64b/attach?stream=1&stdout=1'],
  ] as const)
    assert.equal((await call(path, method, route, {})).status, 404, route);
  const noExec = await scoped('no-exec', '--allow', 'containers:read');
  for (const head of ['Connection: Upgrade\r\nUpgrade: tcp\r\n', '']) {
    const answer = await raw(
      noExec.path,
      `POST /containers/web/attach?stream=1 HTTP/1.1\r\nHost: x\r\n${head}Content-Length: 0\r\n\r\n`,
    );
    assert.match(answer, /^HTTP\/1\.1 403 /);
    assert.match(answer, /POST \/containers\/:id\/attach needs containers:exec/);
  }
});

/** What comes back for bytes that no client library would send. */
function raw(path: string, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(path, () => socket.write(text));
    let answer = '';
    socket.setTimeout(5000, () => socket.destroy(new Error(`no end: ${answer}`)));
    socket.on('data', (chunk) => {
      answer += chunk;
      if (answer.includes('"message"')) socket.end();
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(answer));
  });
}

test('containers made through a socket carry its labels, and have nothing of the host', async () => {
  const { run } = await scoped('make', '--allow', 'containers,images:read', '--label', 'app=web');
  const make = (...args: string[]): Promise<CommandResult> => run('create', '--name', 'made', ...args);
  assertRefused(await make('busybox'), /a new container must have the label app=web/);
  assertRefused(await make('--label', 'app=other', 'busybox'), /must have the label app=web/);
  const labelled = (...args: string[]): Promise<CommandResult> =>
    make('--label', 'app=web', ...args, 'busybox', 'true');
  assertRefused(await labelled('--privileged'), /may not have privileged containers/);
  assertRefused(await labelled('-v', '/:/host'), /may not have files of the host/);
  assertRefused(await labelled('--network', 'host'), /may not have the host's network/);
  assertRefused(await labelled('--network', 'container:db'), /a container that it does not see \(db\)/);
  assertRefused(await labelled('-v', 'data:/data'), /needs volumes:write/);
  assert.equal((await daemon.docker(['inspect', 'made'])).code, 1, 'nothing was made');
  assert.equal((await labelled('--network', 'none')).code, 0);
  assert.equal((await run('start', '-a', 'made')).code, 0);
  assertRefused(await run('kill', 'db'), /No such container: db/);
  await daemon.ok(['create', '--name', 'other', '--label', 'app=db', 'busybox', 'true']);
  const pruned = await run('container', 'prune', '-f');
  assert.equal(pruned.code, 0, pruned.stderr);
  const left = (await daemon.ok(['ps', '-a', '--format', '{{.Names}}'])).split('\n').sort();
  assert.deepEqual(left, ['db', 'other', 'web']);
  await daemon.ok(['rm', 'other']);
});

test('--allow-host lets it have the host; without labels everything is seen', async () => {
  const { run, path } = await scoped('power', '--allow', 'containers,images:read', '--allow-host');
  assert.equal((await run('ps', '-q')).stdout.trim().split('\n').length, 2);
  const shown = await run(
    'run',
    '--rm',
    '--network',
    'none',
    '-v',
    `${daemon.root}:/host:ro`,
    'busybox',
    'ls',
    '/host',
  );
  assert.match(shown.stdout, /^gantry\.sock$/m);
  const all = await scoped('everything', '--allow', 'all', '--allow-host');
  for (const socket of [path, all.path]) {
    for (const [method, route] of [
      ['GET', '/gantry/sockets'],
      ['DELETE', '/gantry/sockets/power'],
      ['POST', '/gantry/sockets'],
    ] as const)
      assert.equal((await call(socket, method, route, { Name: 'x', Allow: ['all'] })).status, 403, route);
  }
});

test('path, mode and group; names that are taken or wrong; lists and details', async () => {
  const path = join(daemon.root, 'own/tool.sock');
  await scoped('placed', '--allow', 'containers:read', '--path', path, '--mode', '0600', '--group', '4711');
  const { mode, gid, uid } = statSync(path);
  assert.deepEqual([(mode & 0o777).toString(8), uid, gid], ['600', 0, 4711]);
  const cases: ReadonlyArray<readonly [args: string[], message: RegExp]> = [
    [['--allow', 'containers:read', 'placed'], /the name placed is already in use/],
    [
      ['--allow', 'containers:read', '--path', path, 'again'],
      /the path .* of socket placed is already in use/,
    ],
    [['--allow', 'containers:read', '--path', daemon.socket, 'main'], /another daemon listens there/],
    [
      ['--allow', 'containers:read', '--path', daemon.configFile, 'file'],
      /a file that is no socket is there/,
    ],
    [['--allow', 'containers:read', '--path', 'relative.sock', 'rel'], /must be absolute/],
    [['--allow', 'containers:read', '--path', `/${'x'.repeat(120)}`, 'long'], /107 bytes at most/],
    [['--allow', 'containers:read', '--group', 'no-such-group', 'grp'], /group no-such-group not found/],
    [['--allow', 'containers:read', '--mode', '9999', 'mode'], /invalid mode "9999"/],
    [['--allow', 'containers:read', '../x'], /invalid socket name/],
    [
      ['--allow', 'container:read', 'typo'],
      /unknown permission "container:read"\. Permissions are containers:read,/,
    ],
    [['--allow', 'events', 'blind'], /events alone shows nothing/],
    [['none'], /without permissions is of no use/],
  ];
  for (const [args, message] of cases) {
    const { code, stderr } = await daemon.gantry(['socket', 'create', ...args]);
    assert.equal(code, 1, args.join(' '));
    assert.match(stderr, message);
  }
  const list = (
    await daemon.gantry(['socket', 'ls', '--format', '{{.Name}} {{.Allow}} {{.Status}} {{.Mode}}'])
  ).stdout;
  assert.match(list, /^placed containers:read listening 0600$/m);
  assert.match((await daemon.gantry(['socket', 'ls'])).stdout, /^NAME +ALLOW +LABELS +STATUS +PATH\n/);
  const [details] = JSON.parse((await daemon.gantry(['socket', 'inspect', 'placed'])).stdout);
  assert.deepEqual(
    [details.Path, details.Mode, details.Group, details.Listening],
    [path, '0600', '4711', true],
  );
  assert.match((await daemon.gantry(['socket', 'inspect', 'nope'])).stderr, /No such socket: nope/);
});

test('sockets outlive the daemon; a removal ends what goes through one', async () => {
  const { run, path } = await scoped('lasting', '--allow', 'containers:read,events', '--label', 'app=web');
  await daemon.kill9();
  await daemon.launch();
  assert.equal((await run('ps', '--format', '{{.Names}}')).stdout, 'web\n');
  await daemon.stop();
  assert.equal(existsSync(path), false, 'a daemon that ends takes its sockets with it');
  writeFileSync(path, 'in the way');
  await daemon.launch();
  const failed = (await daemon.gantry(['socket', 'inspect', 'lasting', '-f', '{{.Listening}} {{.Error}}']))
    .stdout;
  assert.match(failed, /^false can't listen on .*: a file that is no socket is there\n/);
  assert.match(daemon.log(), /the scoped socket lasting does not listen on /);
  assert.equal((await daemon.gantry(['socket', 'rm', 'lasting'])).code, 0);

  const again = await scoped('lasting2', '--allow', 'containers:read,events');
  const watcher = spawn(daemon.client, ['-H', `unix://${again.path}`, 'events'], { stdio: 'ignore' });
  const gone = endOf(watcher);
  await until(async () => (await connectionsOf('lasting2')) === '1\n');
  assert.deepEqual(await daemon.gantry(['socket', 'rm', 'lasting2', 'nope']), {
    code: 1,
    stdout: 'lasting2\n',
    stderr:
      'Error response from daemon: No such socket: nope. List the sockets there are with: gantry socket ls.\n',
  });
  await gone;
  assert.equal(existsSync(again.path), false);
  await daemon.stop();
  await daemon.launch();
  assert.ok(!(await daemon.gantry(['socket', 'ls', '-q'])).stdout.includes('lasting'));
});

async function connectionsOf(name: string): Promise<string> {
  return (await daemon.gantry(['socket', 'inspect', name, '-f', '{{.Connections}}'])).stdout;
}

function endOf(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => child.once('exit', () => resolve()));
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let waited = 0; waited < 10_000; waited += 50) {
    if (await condition()) return;
    await sleep(50);
  }
  assert.fail('not within 10 s');
}
