/** `gantry build`: in a terminal and without, with secrets, outputs, contexts and failures, and against a daemon that knows only Docker's API. */
import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer, request as httpRequest, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { type CommandResult, TestDaemon } from '../support/daemon.ts';
import { tarOf } from '../support/tar-writer.ts';
import { hasTmux, Terminal } from '../support/tmux.ts';

describe('gantry build', () => {
  let daemon: TestDaemon;
  let folder: string;
  before(async () => {
    daemon = await TestDaemon.start();
  });
  after(() => daemon.close());
  beforeEach((t) => {
    folder = mkdtempSync(join(tmpdir(), 'gantry-build-'));
    if ('after' in t) t.after(() => rmSync(folder, { recursive: true, force: true }));
  });

  const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);
  const build = (
    args: readonly string[],
    options?: Parameters<TestDaemon['gantry']>[1],
  ): Promise<CommandResult> => daemon.gantry(['build', ...args], options);
  const built = async (
    args: readonly string[],
    options?: Parameters<TestDaemon['gantry']>[1],
  ): Promise<string> => {
    const { code, stdout, stderr } = await build(['-q', ...args], options);
    assert.equal(code, 0, stderr);
    return stdout.trim();
  };

  test('plain progress, an image, files that the ignore file leaves out', async () => {
    write('Dockerfile', 'FROM busybox\nCOPY . /x\nRUN echo said\n');
    write('keep', '1');
    write('drop', '1');
    write('.dockerignore', '*\n!keep\n');
    const { code, stderr } = await build(['-t', 'plain', folder]);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /^#(\d+) \[2\/3\] COPY \. \/x$/m);
    assert.match(
      stderr,
      /^#(\d+) \[3\/3\] RUN echo said\n(?:#\1 \.\.\.\n[\s\S]*)?#\1 \d\.\d{3} said\n#\1 DONE \d\.\ds$/m,
    );
    assert.equal(await daemon.ok(['run', '--rm', 'plain', 'ls', '/x']), 'keep');
    const again = await build(['-t', 'plain', folder]);
    assert.match(again.stderr, /RUN echo said\n(?:#\d+ \.\.\.\n[\s\S]*)?#\d+ CACHED/);
    write('keep', '2');
    const why = await build(['--why', folder]);
    assert.match(why.stderr, /^#\d+ WHY not cached: the files have changed/m);
  });

  test('what has changed since the build before arrives, and nothing else does', async () => {
    write('Dockerfile', 'FROM busybox\nCOPY . /x\nRUN cd /x && ls -la > /list && cat kept/* > /text\n');
    mkdirSync(join(folder, 'kept'));
    write('kept/one', 'one');
    write('kept/two', 'two');
    linkSync(join(folder, 'kept/one'), join(folder, 'kept/same'));
    symlinkSync('kept/one', join(folder, 'link'));
    write('.dockerignore', 'kept\n!kept/*\nkept/two\nDockerfile\n');
    const first = await built([folder]);
    assert.equal(await daemon.ok(['run', '--rm', first, 'cat', '/text']), 'oneone');
    assert.equal(await daemon.ok(['run', '--rm', first, 'readlink', '/x/link']), 'kept/one');
    write('kept/one', 'new');
    rmSync(join(folder, 'link'));
    write('.dockerignore', 'Dockerfile\n');
    chmodSync(join(folder, 'kept/two'), 0o600);
    const second = await built([folder]);
    assert.equal(await daemon.ok(['run', '--rm', second, 'cat', '/text']), 'newnewtwo');
    assert.equal(await daemon.ok(['run', '--rm', second, 'stat', '-c', '%a', '/x/kept/two']), '600');
    assert.equal(await daemon.ok(['run', '--rm', second, 'ls', '/x']), 'kept');
    utimesSync(join(folder, 'kept/one'), 1, 1);
    assert.equal(await built([folder]), second);
  });

  test('a Dockerfile on stdin, one elsewhere with an ignore file of its own, a context on stdin', async () => {
    write('f', 'content');
    write('g', 'content');
    const dockerfile = 'FROM busybox\nCOPY . /x\n';
    const first = await built(['-f', '-', folder], { input: dockerfile });
    assert.equal(await daemon.ok(['run', '--rm', first, 'ls', '/x']), 'f\ng');
    const other = mkdtempSync(join(tmpdir(), 'gantry-elsewhere-'));
    try {
      writeFileSync(join(other, 'My.Dockerfile'), dockerfile);
      writeFileSync(join(other, 'My.Dockerfile.dockerignore'), 'g\n');
      const second = await built(['-f', join(other, 'My.Dockerfile'), folder]);
      assert.equal(await daemon.ok(['run', '--rm', second, 'ls', '/x']), 'f');
    } finally {
      rmSync(other, { recursive: true, force: true });
    }
    const tar = tarOf([
      { name: 'Dockerfile', data: dockerfile },
      { name: 'h', data: '1' },
    ]);
    const third = await built(['-'], { input: tar });
    assert.equal(await daemon.ok(['run', '--rm', third, 'ls', '/x']), 'Dockerfile\nh');
    const alone = await built(['-'], { input: 'FROM busybox\nENV only=this\n' });
    assert.match(await daemon.ok(['image', 'inspect', '-f', '{{.Config.Env}}', alone]), /only=this/);
  });

  test('secrets reach the command, and nothing else', async () => {
    write(
      'Dockerfile',
      'FROM busybox\nRUN --mount=type=secret,id=s,required --mount=type=secret,id=v,env=V echo "$(cat /run/secrets/s)$V" | rev > /seen\n',
    );
    write('secret', 'from-file');
    const flags = ['--secret', `id=s,src=${join(folder, 'secret')}`, '--secret', 'id=v,env=IT', folder];
    const id = await built(flags, { env: { IT: 'from-variable' } });
    assert.equal(await daemon.ok(['run', '--rm', id, 'cat', '/seen']), 'elbairav-morfelif-morf');
    const saved = await daemon.ok(['image', 'history', '--no-trunc', id]);
    assert.ok(!saved.includes('from-variable'));
    const without = await build(['--no-cache', folder]);
    assert.equal(without.code, 1);
    assert.match(without.stderr, /secret s/);
  });

  test('outputs: a directory, tars, stdout, a metadata file, an image ID file', async () => {
    write('Dockerfile', 'FROM scratch\nCOPY f /dir/f\n');
    write('f', 'content');
    const out = join(folder, 'out');
    assert.equal((await build(['-q', '-o', out, folder])).code, 0);
    assert.equal(readFileSync(join(out, 'dir/f'), 'utf8'), 'content');
    const tar = join(folder, 'x.tar');
    assert.equal((await build(['-q', '-o', `type=tar,dest=${tar}`, folder])).code, 0);
    assert.ok(readFileSync(tar).includes('dir/f'));
    const oci = join(folder, 'oci.tar');
    assert.equal((await build(['-q', '-o', `type=oci,dest=${oci}`, folder])).code, 0);
    assert.ok(readFileSync(oci).includes('oci-layout'));
    assert.ok((await build(['-q', '-o', '-', folder])).stdout.includes('dir/f'));
    const [iid, metadata] = [join(folder, 'iid'), join(folder, 'metadata')];
    const id = await built(['--iidfile', iid, '--metadata-file', metadata, folder]);
    assert.equal(readFileSync(iid, 'utf8'), id);
    assert.equal(JSON.parse(readFileSync(metadata, 'utf8'))['containerimage.config.digest'], id);
    assert.ok(!readdirSync(folder).some((name) => name.includes('.partial-')));
  });

  test('contexts by name: a directory, an image', async () => {
    mkdirSync(join(folder, 'more'));
    writeFileSync(join(folder, 'more/m'), 'more');
    write('Dockerfile', 'FROM base\nCOPY --from=more m /m\n');
    const id = await built([
      '--build-context',
      `more=${join(folder, 'more')}`,
      '--build-context',
      'base=docker-image://busybox',
      folder,
    ]);
    assert.equal(await daemon.ok(['run', '--rm', id, 'cat', '/m']), 'more');
  });

  test('a failure: the output again, the place, and the way to look into it', async () => {
    write('Dockerfile', 'FROM busybox\nRUN echo kept > /kept; echo why; exit 7\n');
    const { code, stderr } = await build([folder]);
    assert.equal(code, 1);
    assert.match(
      stderr,
      /^------\n > \[2\/2\] RUN .*:\n\d\.\d{3} why\n------\nDockerfile:2\n-{20}\n +1 \| +FROM busybox\n +2 \| >>> RUN/m,
    );
    assert.match(
      stderr,
      /^ERROR: failed to build: failed to solve: process .* did not complete successfully: exit code: 7$/m,
    );
    const id = /gantry build shell (\w+)/.exec(stderr)?.[1] ?? '';
    const inside = await daemon.gantry(['build', 'shell', id, 'cat', '/kept']);
    assert.equal(inside.stdout.trim(), 'kept', inside.stderr);
    const unknown = await daemon.gantry(['build', 'shell', 'nope']);
    assert.equal(unknown.code, 1);
    assert.match(unknown.stderr, /nope/);
  });

  test('errors in the Dockerfile, and what is wrong with the flags', async () => {
    write('Dockerfile', 'FROM busybox\nRUNN true\n');
    const bad = await build([folder]);
    assert.match(
      bad.stderr,
      /Dockerfile:2\n[\s\S]*>>> RUNN true[\s\S]*unknown instruction: RUNN \(did you mean RUN\?\)/,
    );
    const cases: ReadonlyArray<readonly [args: string[], message: RegExp]> = [
      [['/nonexistent'], /unable to prepare context: path "\/nonexistent" not found/],
      [['-f', '/nonexistent', folder], /unable to prepare context: .*no such file/],
      [['--progress', 'loud', folder], /invalid progress mode loud/],
      [['--secret', 'src=x', folder], /a secret without an id/],
      [['--secret', 'id=x,src=/nonexistent', folder], /no such file/],
      [['-o', 'type=tape', folder], /unknown type of output: "tape"/],
      [['--push', folder], /tag is needed when pushing/],
      [['--build-context', 'x', folder], /invalid context value: x/],
    ];
    for (const [args, message] of cases) {
      const { code, stderr } = await build(args);
      assert.equal(code, 1, args.join(' '));
      assert.match(stderr, message);
    }
  });

  test('--check tells what is odd, and builds nothing', async () => {
    write('Dockerfile', 'FROM busybox\nCMD echo hi\n');
    const found = await build(['--check', '-t', 'never', folder]);
    assert.equal(found.code, 1);
    assert.match(found.stdout, /WARNING: JSONArgsRecommended[\s\S]*Dockerfile:2\n[\s\S]*>>> CMD echo hi/);
    assert.equal((await daemon.docker(['image', 'inspect', 'never'])).code, 1);
    const warned = await build([folder]);
    assert.match(warned.stderr, / 1 warning found .*\n - JSONArgsRecommended: .* \(line 2\)/);
    write('Dockerfile', 'FROM busybox\nCMD ["echo", "hi"]\n');
    assert.equal((await build(['--check', folder])).stdout, 'Check complete, no warnings found.\n');
  });

  test('buildx words, builder du, builder prune', async () => {
    write('Dockerfile', 'FROM busybox\nRUN head -c 3000000 /dev/zero > /z\n');
    assert.equal((await daemon.gantry(['buildx', 'build', '-q', folder])).code, 0);
    const used = await daemon.gantry(['builder', 'du', '--verbose']);
    assert.match(used.stdout, /^Description: +.*RUN head/m);
    assert.match(used.stdout, /^Total: +\d/m);
    const pruned = await daemon.gantry(['builder', 'prune', '-af']);
    assert.match(pruned.stdout, /Deleted build cache objects:/);
    assert.match((await daemon.gantry(['builder', 'du'])).stdout, /^Total: +0B/m);
  });

  test('in a terminal the steps are drawn in place', {
    skip: hasTmux ? false : 'this host has no tmux',
  }, async () => {
    write('Dockerfile', 'FROM busybox\nRUN echo working; sleep 2\nRUN echo end > /end\n');
    const command = `${resolve('bin/gantry')} -H ${daemon.host} build -t drawn ${folder}; echo over; sleep 100`;
    const terminal = new Terminal('build', command, { columns: 100, rows: 30 });
    try {
      await terminal.until(/=> => # working/);
      const screen = await terminal.until(/over/);
      assert.match(screen, /^\[\+\] Building \d+\.\ds \((\d+)\/\1\) FINISHED$/m);
      assert.match(screen, /^ => \[2\/3\] RUN echo working; sleep 2 +[23]\.\ds$/m);
      assert.equal(screen.match(/RUN echo end/g)?.length, 1);
    } finally {
      terminal.close();
    }
  });
});

describe('gantry build with a daemon that knows only Docker’s API', () => {
  let daemon: TestDaemon;
  let proxy: Server;
  const folder = mkdtempSync(join(tmpdir(), 'gantry-plain-'));
  const host = `unix://${folder}/proxy.sock`;
  before(async () => {
    daemon = await TestDaemon.start();
    proxy = createServer((incoming, outgoing) => {
      const target = httpRequest(
        { socketPath: daemon.socket, path: incoming.url, method: incoming.method, headers: incoming.headers },
        (answer) => {
          outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
          answer.pipe(outgoing);
        },
      );
      incoming.pipe(target);
    });
    // An upgrade is not known there: the request goes on as if it had not been asked for.
    proxy.on('upgrade', (_request, socket) => {
      socket.end(
        'HTTP/1.1 404 Not Found\r\nContent-Length: 29\r\nConnection: close\r\n\r\n{"message":"page not found"}\n',
      );
    });
    await new Promise<void>((done) => proxy.listen(join(folder, 'proxy.sock'), done));
  });
  after(async () => {
    proxy.close();
    rmSync(folder, { recursive: true, force: true });
    await daemon.close();
  });

  test('builds by POST /build, and refuses what that cannot carry', async () => {
    const context = join(folder, 'context');
    mkdirSync(context);
    writeFileSync(join(context, 'Dockerfile'), 'FROM busybox\nCOPY . /x\n');
    writeFileSync(join(context, 'a'), '1');
    writeFileSync(join(context, 'b'), '1');
    writeFileSync(join(context, '.dockerignore'), 'b\n');
    const { code, stdout, stderr } = await runGantry('build', '-t', 'foreign', context);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /Step 2\/2 : COPY \. \/x\n[\s\S]*Successfully tagged foreign:latest\n$/);
    assert.ok(!(await daemon.ok(['run', '--rm', 'foreign', 'ls', '/x'])).split('\n').includes('b'));
    writeFileSync(join(context, 's'), 'x');
    const secret = await runGantry('build', '--secret', `id=x,src=${join(context, 's')}`, context);
    assert.equal(secret.code, 1);
    assert.match(secret.stderr, /--secret needs a daemon of Gantry's/);
    assert.ok(existsSync(context));
  });

  async function runGantry(...args: string[]): Promise<CommandResult> {
    const { runProgram } = await import('../support/daemon.ts');
    return runProgram(['bin/gantry', '-H', host, ...args]);
  }
});
