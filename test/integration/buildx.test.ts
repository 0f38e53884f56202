/** The stock docker command line with buildx, against the daemon: BuildKit's own clients are to see no difference. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { Buildx, withoutBuildx } from '../support/buildx.ts';
import { TestDaemon } from '../support/daemon.ts';
import { until } from '../support/until.ts';

suite('docker buildx', { skip: withoutBuildx() }, () => {
  let daemon: TestDaemon;
  let buildx: Buildx;

  before(async () => {
    daemon = await TestDaemon.start();
    buildx = new Buildx(daemon);
  });

  after(async () => {
    buildx?.close();
    await daemon?.close();
  });

  test('a build has its steps in the display, and its image runs', async () => {
    const context = buildx.context({
      Dockerfile: 'FROM busybox\nCOPY a /a\nRUN cat /a > /b\nCMD cat /b\n',
      a: 'from the context',
    });
    const shown = await buildx.build(['-t', 'shown', context]);
    assert.match(shown, /\[internal\] load build definition from Dockerfile/);
    assert.match(shown, /\[2\/3\] COPY a \/a/);
    assert.match(shown, /exporting to image/);
    assert.equal(await daemon.ok(['run', '--rm', '--network', 'none', 'shown']), 'from the context');
  });

  test('docker build takes BuildKit by itself, and the classic builder when told', async () => {
    const context = buildx.context({ Dockerfile: 'FROM busybox\nRUN echo said-once\n' }, 'both');
    const modern = await buildx.run(['build', '--progress', 'plain', '--no-cache', context]);
    assert.match(modern.stderr, /building with "default" instance using docker driver/);
    const classic = await buildx.run(['build', '--no-cache', context], { env: { DOCKER_BUILDKIT: '0' } });
    assert.match(classic.stdout, /^Step 1\/2 : FROM busybox$/m);
    assert.match(classic.stdout, /^Successfully built [0-9a-f]{12}$/m);
  });

  test('only what changed of a context is sent, and what is gone is gone', async () => {
    const context = buildx.context(
      {
        Dockerfile: 'FROM busybox\nCOPY . /src\nRUN find /src -type f | sort | xargs md5sum\n',
        'a/one': '1',
        two: '2',
        gone: 'x',
      },
      'synced',
    );
    assert.match(await buildx.build(['-t', 'synced', context]), /transferring context: \d+B .*done/);
    assert.match(await buildx.build(['-t', 'synced', context]), /COPY \. \/src\n#\d+ CACHED/);
    rmSync(join(context, 'gone'));
    writeFileSync(join(context, 'two'), '2 changed');
    rmSync(join(context, 'a'), { recursive: true });
    writeFileSync(join(context, 'a'), 'a file now');
    await buildx.build(['-t', 'synced', context]);
    const files = await daemon.ok([
      'run',
      '--rm',
      '--network',
      'none',
      'synced',
      'sh',
      '-c',
      'cd /src; grep -r "" a two; ls',
    ]);
    assert.deepEqual(files.split('\n'), ['a:a file now', 'two:2 changed', 'Dockerfile', 'a', 'two']);
  });

  test('an ignore file keeps files out of what is sent', async () => {
    const context = buildx.context(
      {
        Dockerfile: 'FROM busybox\nCOPY . /src\n',
        '.dockerignore': 'no*\n!nose\n',
        none: '',
        nose: '',
        other: '',
      },
      'ignored',
    );
    await buildx.build(['-t', 'ignored', context]);
    const files = await daemon.ok(['run', '--rm', '--network', 'none', 'ignored', 'ls', '/src']);
    assert.deepEqual(files.split('\n'), ['Dockerfile', 'nose', 'other']);
  });

  test('a secret is there for its step, and nowhere else', async () => {
    const secret = `hush-${process.pid}-${Date.now()}`;
    const context = buildx.context(
      { Dockerfile: 'FROM busybox\nRUN --mount=type=secret,id=key wc -c < /run/secrets/key > /size\n' },
      'secret',
    );
    const file = join(buildx.root, 'key');
    writeFileSync(file, secret);
    const shown = await buildx.build(['-t', 'secret', '--secret', `id=key,src=${file}`, context]);
    assert.ok(!shown.includes(secret));
    assert.equal(
      await daemon.ok(['run', '--rm', '--network', 'none', 'secret', 'cat', '/size']),
      String(secret.length),
    );
    const found = spawnSync('grep', [
      '-rl',
      secret,
      daemon.dataRoot,
      daemon.execRoot,
      join(daemon.root, 'log'),
    ]);
    assert.equal(found.stdout.toString(), '');
    const missing = buildx.context(
      { Dockerfile: 'FROM busybox\nRUN --mount=type=secret,id=none,required=true true\n' },
      'no-secret',
    );
    await assert.rejects(buildx.build([missing]), /secret none: not found/);
  });

  test('a cache mount is kept from one build to the next', async () => {
    const context = buildx.context(
      {
        Dockerfile:
          'FROM busybox\nARG N\nRUN --mount=type=cache,target=/c echo $N >> /c/log; cat /c/log > /log\n',
      },
      'cached',
    );
    await buildx.build(['--build-arg', 'N=first', context]);
    await buildx.build(['-t', 'cached', '--build-arg', 'N=second', context]);
    assert.equal(
      await daemon.ok(['run', '--rm', '--network', 'none', 'cached', 'cat', '/log']),
      'first\nsecond',
    );
  });

  test('an agent of SSH answers the step that asks', async () => {
    const socket = join(buildx.root, 'agent');
    const heard: Buffer[] = [];
    const agent = createServer((connection) => {
      connection.on('data', (data) => {
        heard.push(data);
        connection.end(Buffer.from(noIdentities, 'hex'));
      });
    });
    agent.listen(socket);
    try {
      const tools = buildx.context({ 'ask.c': askAgent }, 'tools');
      const compiled = spawnSync('gcc', ['-static', '-o', join(tools, 'ask'), join(tools, 'ask.c')]);
      assert.equal(compiled.status, 0, String(compiled.stderr));
      const dockerfile =
        'FROM busybox\nRUN --mount=type=ssh --mount=type=bind,from=tools,target=/tools /tools/ask > /answer\n';
      const context = buildx.context({ Dockerfile: dockerfile }, 'ssh');
      await buildx.build([
        '-t',
        'ssh',
        '--ssh',
        `default=${socket}`,
        '--build-context',
        `tools=${tools}`,
        context,
      ]);
      assert.equal(Buffer.concat(heard).toString('hex'), '000000010b');
      assert.equal(
        await daemon.ok(['run', '--rm', '--network', 'none', 'ssh', 'cat', '/answer']),
        noIdentities,
      );
      const without = buildx.context(
        { Dockerfile: 'FROM busybox\nRUN --mount=type=ssh,required true\n' },
        'no-ssh',
      );
      await assert.rejects(buildx.build([without]), /unset ssh forward key default/);
    } finally {
      agent.close();
    }
  });

  test('the files of --iidfile and --metadata-file name the image', async () => {
    const context = buildx.context({ Dockerfile: 'FROM busybox\nLABEL a=b\n' }, 'metadata');
    const [idFile, metadataFile] = [join(buildx.root, 'iid'), join(buildx.root, 'metadata.json')];
    await buildx.build(['-t', 'metadata', '--iidfile', idFile, '--metadata-file', metadataFile, context]);
    const id = await daemon.ok(['image', 'inspect', '--format', '{{.Id}}', 'metadata']);
    assert.equal(readFileSync(idFile, 'utf8'), id);
    const metadata: unknown = JSON.parse(readFileSync(metadataFile, 'utf8'));
    assert.ok(typeof metadata === 'object' && metadata !== null);
    assert.equal(Reflect.get(metadata, 'containerimage.config.digest'), id);
  });

  test('contexts by name: a directory, an image', async () => {
    const other = buildx.context({ file: 'of the other' }, 'other');
    const context = buildx.context({ Dockerfile: 'FROM base\nCOPY --from=files file /file\n' }, 'named');
    await buildx.build([
      '-t',
      'named',
      '--build-context',
      `files=${other}`,
      '--build-context',
      'base=docker-image://busybox',
      context,
    ]);
    assert.equal(
      await daemon.ok(['run', '--rm', '--network', 'none', 'named', 'cat', '/file']),
      'of the other',
    );
  });

  test('a tar, and a Dockerfile, from standard input', async () => {
    const context = buildx.context({ Dockerfile: 'FROM busybox\nCOPY in /in\n', in: 'in a tar' }, 'packed');
    const tar = join(buildx.root, 'context.tar');
    spawnTar(tar, context);
    await buildx.build(['-t', 'packed', '-'], { input: readFileSync(tar) });
    assert.equal(await daemon.ok(['run', '--rm', '--network', 'none', 'packed', 'cat', '/in']), 'in a tar');
    await buildx.build(['-t', 'piped', '-'], { input: 'FROM busybox\nRUN echo piped > /p\n' });
    assert.equal(await daemon.ok(['run', '--rm', '--network', 'none', 'piped', 'cat', '/p']), 'piped');
  });

  test('bake builds several targets, one of them on another', async () => {
    buildx.context(
      {
        'base/Dockerfile': 'FROM busybox\nRUN echo base > /base\n',
        'top/Dockerfile': 'FROM basis\nRUN cat /base > /top\n',
      },
      'bake',
    );
    const file = join(buildx.root, 'bake', 'docker-bake.json');
    const root = join(buildx.root, 'bake');
    writeFileSync(
      file,
      JSON.stringify({
        group: { default: { targets: ['base', 'top'] } },
        target: {
          base: { context: join(root, 'base'), tags: ['baked-base'] },
          top: { context: join(root, 'top'), tags: ['baked-top'], contexts: { basis: 'target:base' } },
        },
      }),
    );
    const baked = await buildx.run(['buildx', 'bake', '--progress', 'plain', '-f', file], {
      env: { BUILDX_BAKE_ENTITLEMENTS_FS: '0' },
    });
    assert.equal(baked.code, 0, baked.stderr);
    assert.equal(await daemon.ok(['run', '--rm', '--network', 'none', 'baked-top', 'cat', '/top']), 'base');
  });

  test('a failed step shows its output and its place in the Dockerfile', async () => {
    const context = buildx.context(
      { Dockerfile: 'FROM busybox\nRUN echo fine\nRUN echo broken >&2; exit 7\n' },
      'failing',
    );
    const failed = await buildx.run(['buildx', 'build', '--progress', 'plain', context]);
    assert.equal(failed.code, 1);
    assert.match(failed.stderr, />>> RUN echo broken >&2; exit 7/);
    assert.match(
      failed.stderr,
      /ERROR: failed to (?:solve|build): (?:failed to solve: )?process "\/bin\/sh -c echo broken >&2; exit 7" did not complete successfully: exit code: 7/,
    );
    assert.match(failed.stderr, /^[0-9.]+ broken$/m);
  });

  test('an error of the language shows its place, too', async () => {
    const context = buildx.context({ Dockerfile: 'FROM busybox\nRUNN echo\n' }, 'misspelt');
    const failed = await buildx.run(['buildx', 'build', '--progress', 'plain', context]);
    assert.equal(failed.code, 1);
    assert.match(failed.stderr, /Dockerfile:2\n-+\n +1 \| +FROM busybox\n +2 \| >>> RUNN echo/);
    assert.match(failed.stderr, /unknown instruction: RUNN \(did you mean RUN\?\)/);
  });

  for (const signal of ['SIGINT', 'SIGKILL'] as const) {
    test(`a build whose client gets ${signal} ends with its step`, async () => {
      const mark = `30${signal.length}${process.pid}`;
      const context = buildx.context(
        { Dockerfile: `FROM busybox\nRUN echo begun; sleep ${mark}\n` },
        'interrupted',
      );
      const argv = daemon.dockerArgv(['buildx', 'build', '--progress', 'plain', context]);
      const child = spawn(argv[0] ?? '', argv.slice(1), { env: { ...process.env, ...buildx.environment } });
      let shown = '';
      child.stderr.on('data', (chunk: Buffer) => {
        shown += chunk.toString();
      });
      const ended = new Promise((resolve) => child.once('close', resolve));
      await until(() => /^#\d+ [0-9.]+ begun$/m.test(shown), 15_000);
      assert.ok(isRunning(mark));
      child.kill(signal);
      await ended;
      if (signal === 'SIGINT') assert.match(shown, /CANCELED|context canceled/);
      await until(() => !isRunning(mark));
    });
  }

  test('du tells what the cache has, and prune empties it', async () => {
    const context = buildx.context(
      {
        Dockerfile: 'FROM busybox\nRUN head -c 300000 /dev/urandom > /r\nCOPY big /big\n',
        big: 'x'.repeat(200_000),
      },
      'pruned',
    );
    await buildx.build(['-t', 'pruned', context]);
    const used = await buildx.run(['buildx', 'du', '--verbose']);
    assert.match(used.stdout, /Description:\s+local source for context/);
    assert.ok(readdirSync(join(daemon.dataRoot, 'build', 'contexts')).length > 0);
    await daemon.ok(['image', 'rm', 'pruned']);
    const pruned = await buildx.run(['buildx', 'prune', '--all', '--force']);
    assert.equal(pruned.code, 0, pruned.stderr);
    assert.match(pruned.stdout, /^Total:\s+[0-9.]+[kM]B$/m);
    assert.deepEqual(readdirSync(join(daemon.dataRoot, 'build', 'contexts')), []);
  });

  test('the outputs tar, local and oci come to the client', async () => {
    const context = buildx.context(
      { Dockerfile: 'FROM scratch\nCOPY file dir/link /out/\n', file: 'exported', 'dir/link': 'second' },
      'outputs',
    );
    const folder = join(buildx.root, 'local');
    await buildx.build(['-o', folder, context]);
    assert.equal(readFileSync(join(folder, 'out', 'file'), 'utf8'), 'exported');
    const tar = join(buildx.root, 'out.tar');
    await buildx.build(['-o', `type=tar,dest=${tar}`, context]);
    assert.ok(readFileSync(tar).includes('out/file'));
    const oci = join(buildx.root, 'oci.tar');
    await buildx.build(['-o', `type=oci,dest=${oci}`, context]);
    assert.ok(readFileSync(oci).includes('oci-layout'));
    assert.ok(statSync(oci).size > 1024);
  });

  test('a local cache is written to the client, and read from it', async () => {
    const context = buildx.context(
      { Dockerfile: 'FROM busybox\nRUN head -c 16 /dev/urandom | md5sum > /random\n' },
      'exported',
    );
    const cache = join(buildx.root, 'cache');
    mkdirSync(cache);
    await buildx.build(['-t', 'first', '--cache-to', `type=local,dest=${cache},mode=max`, context]);
    assert.ok(existsSync(join(cache, 'index.json')));
    const random = await daemon.ok(['run', '--rm', '--network', 'none', 'first', 'cat', '/random']);
    await daemon.ok(['image', 'rm', 'first']);
    await buildx.run(['buildx', 'prune', '--all', '--force']);
    await buildx.build(['-t', 'second', '--cache-from', `type=local,src=${cache}`, context]);
    assert.equal(await daemon.ok(['run', '--rm', '--network', 'none', 'second', 'cat', '/random']), random);
  });

  test('--call check reports, and builds nothing', async (t) => {
    const context = buildx.context({ Dockerfile: 'FROM busybox AS Base\nRUN exit 1\n' }, 'checked');
    const checked = await buildx.run(['buildx', 'build', '--call', 'check', context]);
    if (checked.stderr.includes('unknown flag')) return t.skip('this buildx has no --call');
    assert.equal(checked.code, 1);
    assert.match(checked.stdout, /WARNING: StageNameCasing/);
    assert.match(checked.stdout, /Stage name 'Base' should be lowercase/);
  });
});

/** An agent's answer to a request for its identities, of which it has none (draft-miller-ssh-agent). */
const noIdentities = '000000050c00000000';

/** Asks the agent for its identities, and prints what it answers. */
const askAgent = `
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
int main(void) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  unsigned char answer[64];
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  strncpy(address.sun_path, getenv("SSH_AUTH_SOCK"), sizeof address.sun_path - 1);
  if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) return 1;
  if (write(fd, "\\0\\0\\0\\1\\13", 5) != 5) return 2;
  ssize_t length = 0, more;
  while (length < 9 && (more = read(fd, answer + length, sizeof answer - length)) > 0) length += more;
  for (ssize_t i = 0; i < length; i++) printf("%02x", answer[i]);
  return length == 9 ? 0 : 3;
}
`;

function isRunning(mark: string): boolean {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .some((pid) => commandLine(pid) === `sleep\0${mark}\0`);
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

function spawnTar(path: string, directory: string): void {
  const done = spawnSync('tar', ['-cf', path, '-C', directory, '.']);
  assert.equal(done.status, 0);
}
