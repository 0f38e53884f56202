/** What builds are made from: platforms, named contexts, layouts, ignore files, and what is wrong with a Dockerfile. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, test } from 'node:test';
import type { NamedContext } from '../../src/build/build-types.ts';
import { digestOf } from '../../src/oci/digest.ts';
import { mediaTypes } from '../../src/oci/media-types.ts';
import { directoryContext, TestBuilder } from '../support/build.ts';

let builder: TestBuilder;
before(async () => {
  builder = await TestBuilder.start();
});
after(() => builder.close());

test('another platform is built of files; its commands need an emulator', async () => {
  builder.write('any', 'data');
  await builder.build('FROM scratch\nCOPY any /any\nARG TARGETPLATFORM\nENV P=$TARGETPLATFORM\n', {
    platforms: ['linux/mips64le'],
  });
  const { config } = builder.image();
  assert.equal(config.architecture, 'mips64le');
  assert.equal(config.config?.Env?.at(-1), 'P=linux/mips64le');
  await assert.rejects(
    builder.build('FROM scratch\nCOPY any /any\nRUN ["/any"]\n', { platforms: ['linux/mips64le'] }),
    /RUN for linux\/mips64le needs an emulator/,
  );
});

test('named contexts stand in for stages, images and sources', async () => {
  builder.write('other/file', 'named');
  const files = { kind: 'files' as const, context: directoryContext(`${builder.context}/other`) };
  const namedContexts = new Map<string, NamedContext>([
    ['extra', files],
    ['alias', { kind: 'image', reference: 'busybox' }],
    ['replaced', files],
  ]);
  await builder.build(
    `
FROM busybox AS replaced
RUN exit 1
FROM alias
COPY --from=extra file /from-extra
COPY --from=replaced /file /from-replaced
RUN --mount=from=extra,target=/x cat /x/file >/from-mount
`,
    { namedContexts },
  );
  assert.equal(await builder.run(['cat', '/from-extra', '/from-replaced', '/from-mount']), 'namednamednamed');
});

test('what the ignore file names is no part of a build, also where it is mounted', async () => {
  builder.write('.dockerignore', 'hidden\n');
  builder.write('dir/shown', 'x');
  builder.write('dir/hidden', 'y');
  builder.write('hidden', 'z');
  const { output } = await builder.build(
    'FROM busybox\nCOPY . /all\nRUN --mount=target=/ctx ls /ctx /all | sort -u\n',
  );
  assert.match(output, /^dir$/m);
  assert.equal(/^hidden$/m.test(output), false, output);
  builder.write('.dockerignore', '');
});

test('checks are told, and are all that is done where only they are asked for', async () => {
  const dockerfile = 'from busybox\nRUN exit 1\nCMD echo shell form\n';
  const { events, result, steps } = await builder.build(dockerfile, { checkOnly: true });
  const rules = events.flatMap((event) => (event.kind === 'warning' ? event.rule : []));
  assert.equal(rules.includes('JSONArgsRecommended'), true, rules.join());
  assert.deepEqual(
    [result.imageId, [...steps.keys()].some((name) => name.includes('RUN'))],
    [undefined, false],
  );
});

test('a file that cannot be parsed, a base that is not there, and a missing source are told with their place', async () => {
  await assert.rejects(
    builder.build('FROM busybox\nRUNN x\n'),
    (error: Error & { details: Record<string, unknown> }) => {
      assert.match(error.message, /unknown instruction: RUNN/i);
      assert.equal(error.details['line'], 2);
      return true;
    },
  );
  await assert.rejects(
    builder.build('FROM busybox\nCOPY nowhere /\n'),
    (error: Error & { details: Record<string, unknown> }) => {
      assert.match(error.message, /nowhere.*not found/);
      assert.equal(error.details['line'], 2);
      return true;
    },
  );
  await assert.rejects(builder.build('FROM localhost:1/none\n'), /localhost:1\/none/);
});

test('identical steps of a build are run once', async () => {
  const { output } = await builder.build(
    'FROM busybox AS a\nRUN echo once-only; sleep 0.2\nFROM busybox AS b\nRUN echo once-only; sleep 0.2\nFROM busybox\nRUN --mount=from=a,target=/a --mount=from=b,target=/b true\n',
  );
  assert.equal(output.match(/^once-only$/gm)?.length, 1);
});

test('an image in a layout at the client’s is a base, and a source', async () => {
  const { images } = builder.test.engine;
  const blobs = new Map<string, Buffer>();
  const busybox = images.get('busybox');
  const config = Buffer.from(JSON.stringify({ ...busybox.config, config: { Env: ['FROM_LAYOUT=1'] } }));
  const layers = images.builds.ofImage(busybox.id).map(({ blob }) => blob);
  for (const { digest } of layers)
    blobs.set(
      digest,
      readFileSync(join(builder.test.config.dataRoot, 'images/blobs/sha256', digest.slice(7))),
    );
  blobs.set(digestOf(config), config);
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      config: { mediaType: mediaTypes.ociConfig, digest: digestOf(config), size: config.length },
      layers,
    }),
  );
  blobs.set(digestOf(manifest), manifest);
  const open = async (digest: string): Promise<Readable> =>
    Readable.from([blobs.get(digest) ?? Buffer.alloc(0)]);
  const layout = (digest: string): Map<string, NamedContext> =>
    new Map([['base', { kind: 'oci-layout', digest, open }]]);
  const dockerfile = 'FROM base\nCOPY --from=base /bin/sh /copied\nRUN echo "layout $FROM_LAYOUT"\n';
  const { output } = await builder.build(dockerfile, { namedContexts: layout(digestOf(manifest)) });
  assert.match(output, /^layout 1$/m);
  await assert.rejects(
    builder.build(dockerfile, { namedContexts: layout(`sha256:${'0'.repeat(64)}`) }),
    /content of sha256:0+ is another/,
  );
});
