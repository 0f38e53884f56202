/** `docker commit` by the stock command line: files, configuration, parents, and the container meanwhile. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { callApi } from '../support/api-client.ts';
import { TestDaemon } from '../support/daemon.ts';

/** A moment from now, in seconds: all that has happened is told by then. */
const soon = (): string => String((Date.now() + 200) / 1000);

let daemon: TestDaemon;
before(async () => {
  daemon = await TestDaemon.start();
});
after(() => daemon.close());

async function inspect(image: string, format: string): Promise<unknown> {
  return JSON.parse(await daemon.ok(['image', 'inspect', '-f', `{{json ${format}}}`, image]));
}

test('what a container changed is an image’s layer, with all that was asked for', async () => {
  await daemon.ok([
    'run',
    '--name',
    'work',
    '--label',
    'own=1',
    '-e',
    'A=1',
    '-w',
    '/srv',
    'busybox',
    'sh',
    '-c',
    'echo hi >/etc/new; rm -r /home; mkdir /tmp/d && echo x >/tmp/d/x; rm /etc/group',
  ]);
  const id = await daemon.ok([
    'commit',
    '-a',
    'Me <me@example.org>',
    '-m',
    'a message',
    '-c',
    'ENV B=$A$A',
    '-c',
    'CMD ["sh","-c","cat /etc/new; ls -d /home /etc/group 2>&1; echo $B; pwd"]',
    '-c',
    'LABEL more=2',
    '-c',
    'EXPOSE 80',
    '-c',
    'VOLUME /v',
    '-c',
    'USER root',
    '-c',
    'ONBUILD RUN make',
    '-c',
    'STOPSIGNAL SIGINT',
    '-c',
    'HEALTHCHECK --interval=5s CMD true',
    'work',
    'done:1',
  ]);
  assert.match(id, /^sha256:[0-9a-f]{64}$/);
  assert.equal(
    await daemon.ok(['run', '--rm', 'done:1']),
    'hi\nls: /home: No such file or directory\nls: /etc/group: No such file or directory\n11\n/srv',
  );
  assert.equal(await inspect('done:1', '.Author'), 'Me <me@example.org>');
  assert.equal(await inspect('done:1', '.Comment'), 'a message');
  assert.equal(await inspect('done:1', '.Parent'), await inspect('busybox', '.Id'));
  assert.deepEqual(await inspect('done:1', '.Config.Labels'), { own: '1', more: '2' });
  assert.deepEqual(await inspect('done:1', '.Config.ExposedPorts'), { '80/tcp': {} });
  assert.deepEqual(await inspect('done:1', '.Config.Volumes'), { '/v': {} });
  assert.deepEqual(await inspect('done:1', '.Config.Healthcheck'), {
    Test: ['CMD-SHELL', 'true'],
    Interval: 5e9,
  });
  const history = await daemon.ok([
    'history',
    '--no-trunc',
    '--format',
    '{{.Comment}}|{{.CreatedBy}}',
    'done:1',
  ]);
  assert.match(history.split('\n')[0] ?? '', /^a message\|sh -c echo hi/);
  const events = await daemon.ok([
    'events',
    '--since',
    '1m',
    '--until',
    soon(),
    '--filter',
    'event=commit',
    '--format',
    '{{json .Actor.Attributes}}',
  ]);
  const attributes: Record<string, string> = JSON.parse(events);
  assert.deepEqual(
    [attributes['comment'], attributes['imageID'], attributes['imageRef']],
    ['a message', id, 'done:1'],
  );
});

test('a container without changes gives an image without another layer', async () => {
  await daemon.ok(['run', '--name', 'idle', 'busybox', 'true']);
  await daemon.ok(['commit', 'idle', 'same']);
  assert.deepEqual(await inspect('same', '.RootFS.Layers'), await inspect('busybox', '.RootFS.Layers'));
  assert.match(await daemon.ok(['history', 'same']), /\s0B\s/);
});

test('a running container is frozen for it, and goes on', async () => {
  // Each file is whole or the one before: renames, not writes.
  const put = (name: string): string => `echo $i >/tmp/new; mv /tmp/new /tmp/${name}`;
  const script = `i=0; while :; do i=$((i+1)); ${put('a')}; ${put('b')}; done`;
  await daemon.ok(['run', '-d', '--name', 'busy', 'busybox', 'sh', '-c', script]);
  while ((await daemon.docker(['exec', 'busy', 'test', '-e', '/tmp/b'])).code !== 0) await sleep(10);
  const consistent = 'test $(($(cat /tmp/a) - $(cat /tmp/b))) -le 1';
  for (let round = 0; round < 3; round += 1) {
    await daemon.ok(['commit', 'busy', `frozen:${round}`]);
    await daemon.ok(['run', '--rm', `frozen:${round}`, 'sh', '-c', consistent]);
  }
  assert.equal(await daemon.ok(['inspect', '-f', '{{.State.Status}}', 'busy']), 'running');
  const said = await daemon.ok([
    'events',
    '--since',
    '1m',
    '--until',
    soon(),
    '--filter',
    'container=busy',
    '--format',
    '{{.Action}}',
  ]);
  assert.match(said, /pause\nunpause\ncommit/);
  await daemon.ok(['commit', '--pause=false', 'busy', 'moving']);
  await daemon.ok(['pause', 'busy']);
  await daemon.ok(['commit', 'busy', 'paused']);
  assert.equal(await daemon.ok(['inspect', '-f', '{{.State.Status}}', 'busy']), 'paused');
  await daemon.ok(['unpause', 'busy']);
});

test('what cannot be committed is refused before anything is done', async () => {
  await daemon.ok(['create', '--name', 'plain', 'busybox']);
  const images = await daemon.ok(['images', '-aq']);
  const bad: Array<[string[], RegExp]> = [
    [['nobody'], /No such container: nobody/],
    [['-c', 'RUN x', 'plain'], /RUN is not a valid change command/],
    [['plain', 'Upper:1'], /repository name must be lowercase|invalid reference format/],
    [['-c', 'ENV A="open', 'plain'], /double-quote/],
  ];
  for (const [args, reason] of bad) {
    const result = await daemon.docker(['commit', ...args]);
    assert.notEqual(result.code, 0, args.join(' '));
    assert.match(result.stderr, reason);
  }
  assert.equal(await daemon.ok(['images', '-aq']), images);
});

test('a body’s configuration takes the place of the container’s, which fills its gaps', async () => {
  await daemon.ok([
    'create',
    '--name',
    'given',
    '-e',
    'OWN=1',
    '--label',
    'l=1',
    '--entrypoint',
    '/bin/echo',
    'busybox',
    'old',
  ]);
  const { status, json } = await callApi(
    daemon.socket,
    'POST',
    '/commit?container=given&repo=body&tag=1&changes=ENV%20X%3D%24Y',
    {
      Env: ['Y=y'],
      Cmd: ['new'],
    },
  );
  assert.equal(status, 201);
  assert.match(json.Id, /^sha256:/);
  assert.equal(await daemon.ok(['run', '--rm', 'body:1']), 'new');
  const env = await inspect('body:1', '.Config.Env');
  assert.ok(
    Array.isArray(env) && ['Y=y', 'X=y', 'OWN=1'].every((one) => env.includes(one)),
    JSON.stringify(env),
  );
});

test('an image of an image of a container: parents go with their children', async () => {
  await daemon.ok(['run', '--name', 'one', 'busybox', 'touch', '/one']);
  const parent = await daemon.ok(['commit', 'one']);
  await daemon.ok(['run', '--name', 'two', parent, 'touch', '/two']);
  await daemon.ok(['commit', 'two', 'child:1']);
  assert.equal(await inspect('child:1', '.Parent'), parent);
  await daemon.ok(['rm', 'one', 'two']);
  const removed = await daemon.ok(['rmi', 'child:1']);
  assert.match(removed, new RegExp(`Deleted: ${parent}`));
  assert.ok((await daemon.ok(['images', '-q'])).length > 0);
});

test('a daemon that is killed in the middle of a commit leaves no image and no rest', async () => {
  await daemon.ok(['run', '--name', 'large', 'busybox', 'sh', '-c', 'head -c 200000000 /dev/zero >/large']);
  const images = await daemon.ok(['images', '-aq']);
  const committed = daemon.docker(['commit', 'large', 'torn']);
  await sleep(150);
  await daemon.kill9();
  assert.notEqual((await committed).code, 0);
  await daemon.launch();
  assert.equal(await daemon.ok(['images', '-aq']), images);
  await daemon.ok(['commit', 'large', 'whole']);
  assert.equal(await daemon.ok(['run', '--rm', 'whole', 'wc', '-c', '/large']), '200000000 /large');
});
