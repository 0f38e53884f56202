/** The daemon against the specification: every route by clients of four versions, and the table in docs/api.md that comes of it. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import bcrypt from 'bcryptjs';
import { TestDaemon } from '../support/daemon.ts';
import { hasRegistry, startRegistry, type TestRegistry } from '../support/registry.ts';
import { extract, extractPath, hasDocument } from './extract.ts';
import { Recorder } from './recorder.ts';
import { buildScene } from './scenes/build.ts';
import { containersScene } from './scenes/containers.ts';
import { imagesScene } from './scenes/images.ts';
import { networksScene } from './scenes/networks.ts';
import { Stage } from './scenes/stage.ts';
import { streamsScene } from './scenes/streams.ts';
import { systemScene } from './scenes/system.ts';
import { volumesScene } from './scenes/volumes.ts';
import { loadSpec } from './spec.ts';
import { missingAnswerFields, renderTable, tablePath } from './table.ts';

const spec = loadSpec();
const versions = ['1.24', '1.41', '1.44', '1.51'];
const scenes = {
  system: systemScene,
  containers: containersScene,
  streams: streamsScene,
  images: imagesScene,
  volumes: volumesScene,
  networks: networksScene,
  build: buildScene,
};

let daemon: TestDaemon;
let registry: TestRegistry | undefined;
let recorder: Recorder;

before(async () => {
  daemon = await TestDaemon.start();
  recorder = new Recorder(spec, daemon.socket);
  if (hasRegistry()) registry = await startRegistry({ htpasswd: `reader:${bcrypt.hashSync('secret', 4)}\n` });
});
after(async () => {
  await registry?.stop();
  await daemon?.close();
});

test('the extract is that of the document', {
  skip: !hasDocument() && 'the OpenAPI document is not beside the checkout',
}, () => {
  assert.equal(readFileSync(extractPath, 'utf8'), extract(), 'run node test/api-spec/extract.ts');
});

for (const version of versions) {
  for (const [name, scene] of Object.entries(scenes)) {
    test(`${name}, for a client of ${version}`, { timeout: 60_000 }, async () => {
      if (!(await daemon.ping())) await daemon.launch();
      const before = { failures: recorder.failures.length, findings: recorder.findings.length };
      await scene(new Stage(recorder, version, daemon, registry));
      assert.ok(await daemon.ping(), `the daemon ended:\n${daemon.log().slice(-2000)}`);
      assert.deepEqual(recorder.failures.slice(before.failures), []);
      const findings = recorder.findings
        .slice(before.findings)
        .map(({ route, kind, place, found }) => `${route}: ${place}: ${kind}: ${found}`);
      assert.deepEqual([...new Set(findings)], []);
    });
  }
}

test('docs/api.md is what this run shows', {
  skip: !hasRegistry() && 'docker-registry is missing: pushes and pulls were not exercised',
}, () => {
  const table = renderTable(spec, recorder);
  if (process.env['GANTRY_SHOW_FIELDS'] === '1') console.log(missingAnswerFields(spec, recorder).join('\n'));
  if (process.env['GANTRY_WRITE_DOCS'] === '1') writeFileSync(tablePath, table);
  assert.equal(readFileSync(tablePath, 'utf8'), table, 'run npm run docs:api');
});
