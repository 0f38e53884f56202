/** RUN --mount: caches, secrets, agents, files of contexts, stages and images; and that nothing of them stays where it should not. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import type { BuildSecrets } from '../../src/build/build-types.ts';
import { TestBuilder } from '../support/build.ts';

let builder: TestBuilder;
before(async () => {
  builder = await TestBuilder.start();
});
after(() => builder.close());

const secretText = 'correct-horse-battery-staple-8f1c';

function secretsOf(change: Partial<BuildSecrets>): BuildSecrets {
  return {
    secret: async () => undefined,
    ssh: async () => undefined,
    credentials: async () => undefined,
    ...change,
  };
}

test('a cache is kept from build to build, and is in no layer', async () => {
  const dockerfile = (text: string): string => `
FROM busybox
RUN --mount=type=cache,target=/cache echo ${text} >>/cache/log; cat /cache/log; echo ran
`;
  const first = await builder.build(dockerfile('one'));
  const second = await builder.build(dockerfile('two'));
  assert.match(first.output, /^one\nran$/m);
  assert.match(second.output, /^one\ntwo\nran$/m);
  assert.equal(
    await builder.run(['sh', '-c', 'ls -d /cache 2>&1; true']),
    'ls: /cache: No such file or directory\n',
  );
});

test('a locked cache is one step’s at a time, a private one its own', async () => {
  const { output } = await builder.build(`
FROM busybox AS a
RUN --mount=type=cache,id=lock,target=/c,sharing=locked if mkdir /c/busy; then sleep 0.3; rmdir /c/busy; else echo clash; fi
FROM busybox AS b
RUN --mount=type=cache,id=lock,target=/c,sharing=locked if mkdir /c/busy; then sleep 0.3; rmdir /c/busy; else echo clash; fi; true
FROM busybox AS c
RUN --mount=type=cache,id=own,target=/p,sharing=private touch /p/c; sleep 0.4; ls /p | wc -l >/count
FROM busybox AS d
RUN --mount=type=cache,id=own,target=/p,sharing=private touch /p/d; sleep 0.4; ls /p | wc -l >/count
FROM busybox
RUN --mount=from=a,target=/a --mount=from=b,target=/b --mount=from=c,target=/c --mount=from=d,target=/d cat /c/count /d/count
`);
  assert.equal(output.includes('clash'), false);
  assert.match(output, /^1\n1$/m);
});

test('a secret is a file for its step, and a variable, and is nowhere afterwards', async () => {
  const secrets = secretsOf({
    secret: async (id) => (id === 'token' ? Buffer.from(secretText) : undefined),
  });
  const { output } = await builder.build(
    `
FROM busybox
RUN --mount=type=secret,id=token --mount=type=secret,id=token,env=TOKEN wc -c </run/secrets/token; stat -c %a /run/secrets/token; echo "\${#TOKEN}" \
 && ! touch /run/secrets/token 2>/dev/null
RUN --mount=type=secret,id=none ls /run/secrets 2>&1; true
`,
    { secrets },
  );
  assert.match(output, new RegExp(`^${secretText.length}\n400\n${secretText.length}$`, 'm'));
  assert.equal(
    await builder.run(['sh', '-c', 'ls -A /run 2>&1; true']).then((text) => text.includes('secrets')),
    false,
  );
  const found = execFileSync('sh', ['-c', `grep -rlF ${secretText} ${builder.test.root} || true`]).toString();
  assert.equal(found, '');
});

test('a secret that is required and missing ends the build in Docker’s words', async () => {
  const failing = builder.build('FROM busybox\nRUN --mount=type=secret,id=pw,required cat /run/secrets/pw\n');
  await assert.rejects(failing, /secret pw: not found/);
});

/** Both ends of a connection. */
async function agentConnection(): Promise<{ socket: Socket; peer: Socket }> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const socket = connect(typeof address === 'object' && address !== null ? address.port : 0, '127.0.0.1');
  const [peer] = await once(server, 'connection');
  server.close();
  return { socket, peer };
}

test('an agent is reached through its socket', async () => {
  const secrets = secretsOf({
    ssh: async (id) => {
      assert.equal(id, 'default');
      const { socket: ours, peer } = await agentConnection();
      peer.on('error', () => undefined);
      peer.end('agent here\n');
      return ours;
    },
  });
  const { output } = await builder.build(
    'FROM busybox\nRUN --mount=type=ssh echo $SSH_AUTH_SOCK; test -S $SSH_AUTH_SOCK && echo socket; nc local:$SSH_AUTH_SOCK </dev/null 2>&1 || true\n',
    { secrets },
  );
  assert.match(output, /^\/run\/buildkit\/ssh_agent\.0\nsocket$/m);
});

test('files of the context, of a stage and of an image are mounted; what is written there is discarded', async () => {
  builder.write('data/file', 'from the context\n');
  const { output } = await builder.build(`
FROM busybox AS tool
RUN mkdir /out && echo tool >/out/name && echo other >/out/other && rm /out/other
RUN echo more >/out/more
FROM busybox
RUN --mount=type=bind,source=data,target=/d cat /d/file; touch /d/x 2>/dev/null || echo read-only
RUN --mount=type=bind,source=data,target=/d,rw echo changed >/d/file; cat /d/file
RUN --mount=type=bind,source=data/file,target=/one cat /one
RUN --mount=type=bind,from=tool,source=/out,target=/t ls /t
RUN --mount=type=bind,from=tool,source=/out,target=/t,rw touch /t/new; ls /t
RUN --mount=type=bind,from=busybox,target=/image test -x /image/bin/sh && echo image
RUN --mount=type=tmpfs,target=/tmp/fast,size=1m df -P /tmp/fast | grep -c tmpfs
`);
  for (const line of [
    'from the context\nread-only\n',
    'changed\n',
    'more\nname\n',
    'more\nname\nnew\n',
    'image\n',
    '1\n',
  ])
    assert.equal(output.includes(line), true, `${line} in ${output}`);
  assert.equal(await builder.run(['sh', '-c', 'ls -d /d /t /image /one /tmp/fast 2>/dev/null; true']), '');
  const { readFileSync } = await import('node:fs');
  assert.equal(readFileSync(`${builder.context}/data/file`, 'utf8'), 'from the context\n');
});
