/** Builds by the builder itself: images that run, their configuration and history, what is run and what is not. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BuildEvent } from '../../src/build/build-types.ts';
import { listContainers } from '../../src/engine/list.ts';
import { TestBuilder, toldBy } from '../support/build.ts';
import { execInContainer } from '../support/build-exec.ts';

let builder: TestBuilder;
before(async () => {
  builder = await TestBuilder.start();
});
after(() => builder.close());

/** Nothing that a build made on the host is left but its results. */
function assertNothingLeft(): void {
  const { dataRoot, execRoot } = builder.test.config;
  const names = (...path: string[]): string[] =>
    existsSync(join(...path)) ? readdirSync(join(...path)) : [];
  assert.deepEqual(names(dataRoot, 'overlay', 'drafts'), []);
  assert.deepEqual(names(execRoot, 'build'), []);
  assert.deepEqual(names(execRoot, 'bundles'), []);
  assert.deepEqual(names(execRoot, 'shims'), []);
}

test('an image of files and commands is built, and runs', async () => {
  builder.write('hello.txt', 'hello from a file\n');
  const { result, output } = await builder.build(`
FROM busybox
WORKDIR /app
COPY hello.txt .
ENV GREETING=hi
RUN echo "$GREETING there" > said && cat said
CMD ["cat", "/app/hello.txt", "/app/said"]
`);
  assert.match(result.imageId ?? '', /^sha256:[0-9a-f]{64}$/);
  assert.equal(output.includes('hi there\n'), true, output);
  assertNothingLeft();
  assert.equal(await builder.run([]), 'hello from a file\nhi there\n');
});

test('configuration and history are as Docker’s builder writes them', async () => {
  await builder.build(
    `
ARG BASE=busybox
FROM $BASE
ARG VERSION=1.0
ARG UNSET
LABEL org.example.version=$VERSION multi="two words"
MAINTAINER somebody
ENV A=1 B="b c"
WORKDIR srv
RUN ["sh", "-c", "echo exec form"]
RUN echo $VERSION
SHELL ["/bin/sh", "-ec"]
EXPOSE 80 53/udp
VOLUME /data /more
USER nobody:nogroup
STOPSIGNAL SIGINT
HEALTHCHECK --interval=90s --retries=2 CMD wget -q localhost
ONBUILD RUN echo triggered
ENTRYPOINT ["/bin/echo", "a \\"quote\\""]
CMD echo done
`,
    { labels: new Map([['given', 'yes']]), buildArgs: new Map([['VERSION', '2.0']]) },
  );
  const { config } = builder.image();
  const own = config.history?.slice(-16) ?? [];
  assert.deepEqual(
    own.map(({ created_by, empty_layer }) => [created_by, empty_layer === true]),
    [
      ['ARG VERSION=2.0', true],
      ['ARG UNSET', true],
      ['LABEL org.example.version=2.0 multi=two words', true],
      ['MAINTAINER somebody', true],
      ['ENV A=1 B=b c', true],
      ['WORKDIR /srv', false],
      ['RUN |2 VERSION=2.0 UNSET= sh -c echo exec form # buildkit', false],
      ['RUN |2 VERSION=2.0 UNSET= /bin/sh -c echo $VERSION # buildkit', false],
      ['SHELL [/bin/sh -ec]', true],
      ['EXPOSE [53/udp 80/tcp]', true],
      ['VOLUME [/data /more]', true],
      ['USER nobody:nogroup', true],
      ['STOPSIGNAL SIGINT', true],
      [
        'HEALTHCHECK {Test:[CMD-SHELL wget -q localhost] Interval:1m30s Timeout:0s StartPeriod:0s StartInterval:0s Retries:2}',
        true,
      ],
      ['ENTRYPOINT ["/bin/echo" "a \\"quote\\""]', true],
      ['CMD ["/bin/sh" "-ec" "echo done"]', true],
    ],
  );
  assert.equal(
    own.every(({ comment, created }) => comment === 'buildkit.dockerfile.v0' && created !== undefined),
    true,
  );
  assert.deepEqual(config.config, {
    User: 'nobody:nogroup',
    ExposedPorts: { '53/udp': {}, '80/tcp': {} },
    Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'A=1', 'B=b c'],
    Entrypoint: ['/bin/echo', 'a "quote"'],
    Cmd: ['/bin/sh', '-ec', 'echo done'],
    Volumes: { '/data': {}, '/more': {} },
    WorkingDir: '/srv',
    Labels: { given: 'yes', multi: 'two words', 'org.example.version': '2.0' },
    StopSignal: 'SIGINT',
    ArgsEscaped: true,
    Healthcheck: { Test: ['CMD-SHELL', 'wget -q localhost'], Interval: 90e9, Retries: 2 },
    OnBuild: ['RUN echo triggered'],
    Shell: ['/bin/sh', '-ec'],
  });
  assert.equal(config.author, 'somebody');
  assert.equal(
    config.history?.filter(({ empty_layer }) => empty_layer !== true).length,
    config.rootfs.diff_ids.length,
  );
});

test('triggers of a base image are run, and gone from what is made of it', async () => {
  await builder.build('FROM busybox\nONBUILD RUN echo triggered >/trigger\nONBUILD ENV T=1\n', {
    outputs: [{ kind: 'image', names: ['triggers'], push: false, isInsecure: false, annotations: {} }],
  });
  await builder.build('FROM triggers\nRUN echo "$T" >>/trigger\n');
  assert.equal(await builder.run(['cat', '/trigger']), 'triggered\n1\n');
  assert.equal(builder.image().config.config?.OnBuild, undefined);
});

test('only what the target needs is run, and stages run side by side', async () => {
  const { output, steps } = await builder.build(
    `
FROM busybox AS a
RUN cut -d' ' -f1 /proc/uptime | tr -d . >/at; sleep 0.6
FROM busybox AS b
RUN cut -d' ' -f1 /proc/uptime | tr -d . >/at; sleep 0.6
FROM busybox AS unneeded
RUN echo never run
FROM busybox AS target
COPY --from=a /at /a
COPY --from=b /at /b
RUN echo $(( ($(cat /a) - $(cat /b)) * 10 ))
FROM busybox
RUN echo after the target
`,
    { target: 'target' },
  );
  const apart = Math.abs(Number(output.match(/^-?\d+$/m)?.[0]));
  assert.equal(apart < 500, true, `the stages began ${apart} ms apart`);
  assert.equal(
    [...steps.keys()].some((name) => name.includes('never run') || name.includes('after the target')),
    false,
  );
});

test('a command that fails ends the build, in Docker’s words, with its place', async () => {
  const failing = builder.build('FROM busybox\nRUN echo before\nRUN echo said >&2; exit 3\nRUN echo after\n');
  await assert.rejects(failing, (error: Error & { details: Record<string, unknown> }) => {
    assert.equal(
      error.message,
      'process "/bin/sh -c echo said >&2; exit 3" did not complete successfully: exit code: 3',
    );
    assert.equal(error.details['exitCode'], 3);
    assert.equal(error.details['line'], 3);
    return true;
  });
  assertNothingLeft();
});

test('a failed step is opened with its files, mounts and environment, on no list', async () => {
  const request = { id: 'kept-build', keepFailed: true };
  await assert.rejects(
    builder.build(
      `
FROM busybox
ENV SEEN=yes
WORKDIR /work
RUN --mount=type=cache,target=/cache --mount=type=bind,from=busybox,target=/image,rw echo half >file; echo c >/cache/f; exit 1
`,
      request,
    ),
  );
  const id = await builder.builder.openFailedStep('kept-build');
  const said = await execInContainer(builder.test.engine, id, [
    'sh',
    '-c',
    'pwd; echo $SEEN; cat file /cache/f; test -x /image/bin/sh && echo mounted',
  ]);
  assert.equal(said, '/work\nyes\nhalf\nc\nmounted\n');
  const listed = await listContainers(builder.test.engine, {
    all: true,
    limit: 0,
    size: false,
    filters: new Map(),
  });
  assert.equal(
    listed.some((one) => one.id === id),
    false,
  );
  await assert.rejects(builder.builder.openFailedStep('unknown'), /no failed step is kept/);
  await builder.builder.prune(
    { all: true, keepStorage: 0, maxUsedSpace: 0, minFreeSpace: 0, unusedFor: 0, filters: new Map() },
    new AbortController().signal,
  );
  assert.equal(builder.test.engine.containers.has(id), false);
  assertNothingLeft();
});

test('a cancelled build ends at once and leaves nothing', async () => {
  const stop = new AbortController();
  const events: BuildEvent[] = [];
  const request = builder.request('FROM busybox\nRUN echo started; sleep 60\n', {
    onEvent: (event) => void events.push(event),
  });
  const building = builder.builder.build(request, stop.signal);
  building.catch(() => undefined);
  for (let waited = 0; !toldBy(events).output.includes('started') && waited < 5000; waited += 20)
    await sleep(20);
  const at = Date.now();
  stop.abort();
  await assert.rejects(building, { code: 'cancelled' });
  assert.equal(Date.now() - at < 2000, true);
  assertNothingLeft();
});

test('steps are on no list of containers and in no event', async () => {
  const { events } = builder.test.engine;
  const stop = new AbortController();
  const heard: string[] = [];
  const listening = (async () => {
    for await (const event of events.subscribe({}, stop.signal)) heard.push(`${event.type} ${event.action}`);
  })();
  const building = builder.build('FROM busybox\nRUN sleep 0.5; echo unlisted\n', { networkMode: 'default' });
  await sleep(300);
  const listed = await listContainers(builder.test.engine, {
    all: true,
    limit: 0,
    size: false,
    filters: new Map(),
  });
  await building;
  stop.abort();
  await listening;
  assert.equal(
    listed.some(({ status }) => status.startsWith('Up')),
    false,
  );
  assert.deepEqual(
    heard.filter((one) => !one.startsWith('image ')),
    [],
  );
});

test('networks: the default one has an address and a name server, none has neither, host needs leave', async () => {
  const { output } = await builder.build(
    `
FROM busybox
RUN ip -4 addr show eth0 | grep -c inet
RUN --network=none ip link | grep -c eth0 || echo alone
RUN cat /etc/hosts | grep extra; echo x >/etc/hosts 2>/dev/null || echo read-only
`,
    { networkMode: 'default', extraHosts: ['extra:10.1.2.3'] },
  );
  assert.match(output, /^1\n0\nalone\n10\.1\.2\.3\textra\n.*read-only$/ms);
  await assert.rejects(
    builder.build('FROM busybox\nRUN --network=host true\n'),
    /entitlement network.host is not allowed/,
  );
  await assert.rejects(
    builder.build('FROM busybox\nRUN --security=insecure true\n'),
    /entitlement security.insecure/,
  );
  assertNothingLeft();
});

test('nothing that the runtime makes to mount over is in a layer; a step without changes is an empty one', async () => {
  await builder.build(
    'FROM scratch AS empty\nFROM busybox\nRUN true\nRUN mkdir /opt && touch /opt/old\nRUN rm -rf /opt && mkdir /opt && touch /opt/new\nRUN true\n',
  );
  const { config, chainIds } = builder.image();
  const empty = 'sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef';
  assert.deepEqual(config.rootfs.diff_ids.map((id) => id === empty).slice(-4), [true, false, false, true]);
  const [top = ''] = builder.test.engine.snapshots.trees(chainIds.slice(-1));
  assert.deepEqual(readdirSync(top), []);
  assert.equal(await builder.run(['ls', '/opt']), 'new\n');
});

test('limits, users and here-documents are a step’s own', async () => {
  const { output } = await builder.build(
    `
FROM busybox
RUN echo 'web:x:1234:1234:web:/home/web:/bin/sh' >>/etc/passwd && echo 'web:x:1234:' >>/etc/group
USER web
WORKDIR /home/web/sub
RUN id -u; echo $HOME; stat -c %U . ; ulimit -n; cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null; true
RUN <<EOF
echo one
echo two
EOF
RUN <<-"SCRIPT"
	#!/bin/sh
	echo "script $0"
SCRIPT
`,
    {
      resources: {
        ...builder.request('').resources,
        memory: 64 << 20,
        ulimits: [{ name: 'nofile', soft: 77, hard: 88 }],
      },
    },
  );
  assert.match(output, /^1234\n\/home\/web\nweb\n77\n67108864\none\ntwo\nscript \/dev\/pipes\/SCRIPT$/m);
});

test('the same build again is the same image, and with an epoch so is one from nothing', async () => {
  const dockerfile = 'FROM busybox\nENV A=1\nRUN echo same >/same\nCMD ["true"]\n';
  const first = await builder.build(dockerfile);
  const again = await builder.build(dockerfile);
  assert.equal(again.result.imageId, first.result.imageId);
  assert.equal(
    [...again.steps.values()].every((step) => step.missReason === undefined),
    true,
  );
  const dated = { sourceDateEpoch: 1_600_000_000, noCache: true };
  const one = await builder.build(dockerfile, dated);
  const created = builder.image().config.created;
  await sleep(1100);
  const other = await builder.build(dockerfile, dated);
  assert.equal(other.result.imageId, one.result.imageId);
  assert.equal(created, '2020-09-13T12:26:40.000Z');
});
