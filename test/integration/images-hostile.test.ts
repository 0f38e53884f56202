/** Images made to harm: refused or handled, loaded or pulled; nothing outside of a layer is touched, nothing half made stays, the daemon lives. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { HostileBench, withDocuments, withLayer } from '../support/hostile-images.ts';
import {
  buildBusyboxImage,
  buildImage,
  buildIndex,
  busyboxRootTar,
  digestOf,
  dockerArchive,
  type FixtureImage,
  ociArchive,
} from '../support/image-fixtures.ts';
import { type TarEntry, tarOf } from '../support/tar-writer.ts';

let bench: HostileBench;
before(async () => {
  bench = await HostileBench.start();
});
after(() => bench.close());
afterEach(() => bench.check());

const onBusybox = (entries: readonly TarEntry[] | Buffer): FixtureImage =>
  buildImage({ layers: [busyboxRootTar(), Buffer.isBuffer(entries) ? entries : tarOf(entries)] });

test('layers that try to get out, or are no archives, are refused', async () => {
  const cases: Array<[TarEntry[] | Buffer, RegExp]> = [
    [[{ name: '../escape', data: 'x' }], /outside of the layer's root/],
    [[{ name: 'a/../../../escape', data: 'x' }], /outside of the layer's root/],
    [[{ name: 'x', type: 'link', link: '../../../../etc/passwd' }], /outside of the layer's root/],
    [[{ name: 'x', type: 'link', link: '/etc/shadow' }], /failed to register layer/],
    [[{ name: './', type: 'symlink', link: bench.outside }], /failed to register layer/],
    [
      [
        { name: 'loop', type: 'symlink', link: 'loop' },
        { name: 'loop/x', data: 'x' },
      ],
      /too many levels of symbolic links/,
    ],
    [[{ name: 'x'.repeat(256), data: 'x' }], /name too long/i],
    [[{ name: `${'a/'.repeat(2500)}b`, data: 'x' }], /name too long/i],
    [[{ name: 'neg', patch: (header) => header.fill(0xff, 124, 136) }], /invalid tar header/],
    [[{ name: 'x', size: 8 ** 11 - 1 }], /unexpected EOF/],
    [[{ name: 'x', data: 'x', pax: { size: '-5' } }], /invalid tar header/],
    [[{ name: 'x', data: 'x', pax: { path: Buffer.from('a\0b') } }], /invalid tar header/],
    [
      [{ name: 'x', data: 'x', pax: { comment: 'c'.repeat(1024 * 1024 + 1) } }],
      /extended header is too large/,
    ],
    [[{ name: 'x', type: 'Z' }], /unhandled tar header type/],
    [Buffer.alloc(10_240, 'no archive'), /invalid tar header/],
    [tarOf([{ name: 'cut', data: 'x'.repeat(5000) }]).subarray(0, 2000), /unexpected EOF/],
  ];
  for (const [entries, reason] of cases) await bench.refused(onBusybox(entries), reason);
});

test('links, whiteouts and absolute names stay within the layer', async () => {
  const said = await bench.runIn(
    [
      tarOf([
        { name: '/absolute/file', data: 'inside' },
        { name: 'out', type: 'symlink', link: bench.outside },
        { name: 'out/victim', data: 'through the link' },
        { name: 'up', type: 'symlink', link: '../../../../../../../..' },
        { name: `up${bench.outside}/second`, data: 'up' },
        { name: 'etcs', type: 'symlink', link: '/etc' },
        { name: 'etcs/passwd', data: 'root:x:0:0::/:/bin/sh\n' },
        { name: 'etcs/.wh.group' },
        { name: `out/.wh.nothing` },
        { name: '.wh...' },
        { name: '.wh..' },
        { name: 'a/.wh.../x' },
        { name: 'hard', type: 'link', link: 'etcs/passwd' },
      ]),
    ],
    `cat /absolute/file ${bench.outside}/victim ${bench.outside}/second; wc -l </etc/passwd; ls /etc/group 2>&1; cat /hard`,
  );
  assert.match(said, /^insidethrough the linkup1\n/);
  assert.match(said, /No such file/);
});

test('devices, duplicates, odd names and modes are what the archive says, the last one of a name', async () => {
  const odd = Buffer.from([0x6f, 0xff, 0xfe, 0x2e, 0x74]);
  const said = await bench.runIn(
    [
      tarOf([
        { name: 'd/', type: 'directory' },
        { name: 'd/disk', type: 'blockDevice', major: 8, minor: 0, mode: 0o666 },
        { name: 'd/zero', type: 'charDevice', major: 1, minor: 5, mode: 0o666 },
        { name: 'd/same', data: 'first' },
        { name: 'd/same', type: 'symlink', link: '/etc/passwd' },
        { name: 'd/same', data: 'last' },
        { name: 'was-dir/', type: 'directory' },
        { name: 'was-dir/x', data: 'x' },
        { name: 'was-dir', data: 'file now' },
        { name: Buffer.concat([Buffer.from('d/'), odd]), data: 'odd' },
        { name: `d/${'n'.repeat(255)}`, data: 'long' },
        { name: `${'deep/'.repeat(700)}leaf`, data: 'leaf' },
        { name: 'd/suid', data: 'x', mode: 0o7777, uid: 4_000_000, gid: 4_000_000 },
      ]),
    ],
    `cat /d/same /was-dir; cat /d/o*; cat /d/nnn*; stat -c %a:%u /d/suid; test -c /d/zero && echo zero; head -c1 /d/disk 2>&1; find /deep -name leaf | wc -l`,
  );
  assert.equal(said.replace(/head: .*/, 'no disk'), 'lastfile nowoddlong7777:4000000\nzero\nno disk\n1');
});

test('digests and sizes that lie are found out', async () => {
  const image = buildBusyboxImage({ extraLayers: [tarOf([{ name: 'lying', data: 'x'.repeat(5000) }])] });
  const [base, first] = image.layers;
  assert.ok(base !== undefined && first !== undefined);
  const other = Buffer.from(first.data);
  other[100] = (other[100] ?? 0) ^ 1;
  bench.registry.add('digest', image);
  bench.registry.put(first.digest, { ...first, data: other });
  bench.isRefused(await bench.pull('digest'), /verification failed for digest/);
  const archive = ociArchive([
    { image: { ...image, layers: [base, { ...first, data: other }] }, name: 'hostile:digest' },
  ]);
  bench.isRefused(await bench.load(archive, 'digest'), /is damaged/);
  for (const [tag, difference] of [
    ['short', -1],
    ['long', 1000],
  ] as const) {
    const manifest = JSON.parse(image.manifest.data.toString());
    manifest.layers[1].size += difference;
    const data = Buffer.from(JSON.stringify(manifest));
    const lying = { ...image, manifest: { ...image.manifest, data, digest: digestOf(data) } };
    bench.registry.add(tag, image);
    bench.registry.put(first.digest, first);
    bench.registry.put(tag, lying.manifest);
    bench.registry.put(lying.manifest.digest, lying.manifest);
    // What is too long is asked for again and again.
    if (difference < 0) assert.ok(!(await bench.pull(tag)).isTaken, tag);
    bench.isRefused(
      await bench.load(ociArchive([{ image: lying, name: 'hostile:size' }]), tag),
      /is damaged/,
    );
  }
  const diffId = withLayer(first, digestOf(Buffer.from('another')));
  await bench.refused(diffId, /layer verification failed for digest/);
});

test('documents that are nested, endless or ambiguous are refused', async () => {
  const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
  const image = buildBusyboxImage();
  const put = (tag: string, mediaType: string, text: string): void =>
    bench.registry.put(tag, { mediaType, data: Buffer.from(text), digest: digestOf(Buffer.from(text)) });
  put('deep', image.manifest.mediaType, `{"schemaVersion":2,"config":${deep}}`);
  bench.isRefused(await bench.pull('deep'), /nested more than/);
  const text = image.config.data.toString().replace(/^\{/, `{"deep":${deep},`);
  await bench.refused(withDocuments(image, Buffer.from(text), image.layers), /nested more than/);
  let index = buildIndex([image]);
  for (let depth = 0; depth < 10; depth += 1) {
    const inner = { ...image, manifest: index };
    bench.registry.put(index.digest, index);
    index = buildIndex([inner]);
  }
  bench.registry.add('matryoshka', image);
  bench.registry.put('matryoshka', index);
  bench.isRefused(await bench.pull('matryoshka'), /indexes within indexes/);
  const ambiguous = JSON.stringify({ ...JSON.parse(image.manifest.data.toString()), manifests: [] });
  put('both', image.manifest.mediaType, ambiguous);
  bench.isRefused(await bench.pull('both'), /ambiguous/);
  for (const [files, reason] of [
    [[{ name: 'manifest.json', data: deep }], /nested more than/],
    [[{ name: 'manifest.json', data: '{"Config":' }], /not JSON/],
    [
      [{ name: 'manifest.json', data: '[{"Config":"../../../../etc/passwd","Layers":[]}]' }],
      /it has no file/,
    ],
    [[{ name: 'manifest.json', data: '[]' }], /no image/],
    [[{ name: 'manifest.json', data: 'x'.repeat(9 * 1024 * 1024) }], /too large/],
    [
      [
        {
          name: 'index.json',
          data: '{"schemaVersion":2,"manifests":[{"mediaType":"a/b","digest":"sha256:../../x","size":1}]}',
        },
      ],
      /digest/,
    ],
    [[{ name: 'x', type: 'symlink', link: '/etc/passwd' }], /neither manifest.json nor index.json/],
    [[{ name: 'x', data: 'x', pax: { path: 'p'.repeat(5000) } }], /name too long/],
  ] as Array<[TarEntry[], RegExp]>)
    bench.isRefused(await bench.load(tarOf(files), 'documents'), reason);
  const stolen = dockerArchive([{ image, tags: [`busybox@${digestOf(Buffer.from('x'))}`] }]);
  bench.isRefused(await bench.load(stolen, 'stolen'), /invalid tag/);
});

test('configurations with absurd values are refused, or run as far as they can', async () => {
  const image = buildBusyboxImage();
  const good = JSON.parse(image.config.data.toString());
  const absurd: Array<Record<string, unknown>> = [
    { Env: 'A=1' },
    { Env: [1] },
    { Cmd: { a: 1 } },
    { Labels: { a: 1 } },
    { Healthcheck: { Test: 5 } },
    { Healthcheck: { Test: ['CMD', 'x'], Interval: 'soon', Retries: -1e300 } },
    { Env: ['=', 'NOVALUE', `L=${'x'.repeat(200_000)}`] },
    { User: '4294967296:99999999999' },
    { User: '../../etc/passwd' },
    { WorkingDir: '../../../../etc' },
    { WorkingDir: `/${'w'.repeat(300)}` },
    { Volumes: { '../../../../etc': {}, relative: {} } },
    { Volumes: { '/': {} } },
    { ExposedPorts: { 'http/ftp': {}, '99999999/tcp': {}, '': {} } },
    { StopSignal: 'SIGNOSUCH' },
    { Entrypoint: ['\0'] },
    { Entrypoint: [] as string[], Cmd: [] as string[] },
    { Shell: [''] },
    { OnBuild: ['x'.repeat(100_000)] },
    JSON.parse('{"Labels":{"__proto__":"polluted","constructor":"x"}}'),
  ];
  for (const config of absurd) {
    const tag = bench.newTag();
    const document = { ...good, config: { ...good.config, Cmd: ['true'], ...config } };
    const hostile = withDocuments(image, Buffer.from(JSON.stringify(document)), image.layers);
    bench.registry.add(tag, hostile);
    const pulled = await bench.pull(tag);
    const shown = JSON.stringify(config).slice(0, 80);
    assert.doesNotMatch(pulled.text, /internal|TypeError|RangeError/i, shown);
    if (!pulled.isTaken) continue;
    const ran = await bench.daemon.docker(['run', '--rm', '--network', 'none', pulled.name], {
      timeout: 10_000,
    });
    assert.doesNotMatch(ran.stderr, /internal error|TypeError|RangeError|is not a function/i, shown);
    await bench.daemon.ok(['image', 'inspect', pulled.name]);
    await bench.daemon.ok(['rmi', '-f', pulled.name]);
  }
  assert.equal(Reflect.get({}, 'polluted'), undefined);
  assert.equal(
    await bench.daemon.ok(['run', '--rm', '--network', 'none', 'busybox', 'echo', 'alive']),
    'alive',
  );
});
