import assert from 'node:assert/strict';
import { test } from 'node:test';
import { engineParts, testId, testImage } from '../../test/support/engine-parts.ts';
import type { Image, RemovedImage } from '../images/image-types.ts';
import { listImages, pruneImages } from './image-list.ts';
import { removeImage, tagImage } from './images.ts';

function dated(name: string, created: string, change: Partial<Image> = {}): Image {
  const image = testImage(name, change);
  return { ...image, config: { ...image.config, created, ...change.config } };
}

const base = dated('base', '2026-01-01T00:00:00Z', {
  repoTags: ['base:1', 'base:latest', 'host:5000/team/base:1'],
});
const app = dated('app', '2026-02-01T00:00:00Z', {
  chainIds: ['sha256:base', 'sha256:app'],
  config: { ...base.config, created: '2026-02-01T00:00:00Z', config: { Labels: { tier: 'front' } } },
});
const old = dated('old', '2025-01-01T00:00:00Z', { repoTags: [] });

/** Images that can be removed: the newest state of the list is the truth. */
async function fixture(context: Parameters<typeof engineParts>[0]) {
  const parts = await engineParts(context, [base, app, old]);
  let left = [base, app, old];
  const tagged: string[] = [];
  const find = (name: string) =>
    left.find(
      (image) =>
        image.id === name ||
        [...image.repoTags, ...image.repoTags.map((tag) => tag.replace(/:latest$/, ''))].includes(name),
    );
  const images = {
    ...parts.images,
    find,
    list: () => [...left],
    tag: (source: string, target: string) => tagged.push(`${source} ${target}`),
    remove: (name: string): Promise<RemovedImage[]> => {
      const image = find(name);
      left = left.filter((one) => one !== image);
      const layers = (image?.chainIds ?? []).slice(-1).map((deleted) => ({ deleted }));
      return Promise.resolve([{ untagged: name }, { deleted: image?.id ?? '' }, ...layers]);
    },
  };
  const snapshots = {
    layers: () => left.flatMap(({ chainIds }) => chainIds.slice(-1)),
    layerSize: () => 100,
  };
  return { parts, tagged, engine: { ...parts, images, snapshots } as never };
}

test('images are listed newest first, with what they share and who uses them', async (context) => {
  const { parts, engine } = await fixture(context);
  parts.add({ id: testId('c1'), imageId: base.id });
  const rows = listImages(engine, { filters: new Map(), sharedSize: true });
  assert.deepEqual(
    rows.map(({ image, sharedSize, containers }) => [image.id, sharedSize, containers]),
    [
      [app.id, 100, 0],
      [base.id, 100, 1],
      [old.id, 0, 0],
    ],
  );
  assert.equal(listImages(engine, { filters: new Map(), sharedSize: false })[0]?.sharedSize, -1);
});

test('every filter of images', async (context) => {
  const { engine } = await fixture(context);
  const ids = (filters: Record<string, string[]>) =>
    listImages(engine, { filters: new Map(Object.entries(filters)), sharedSize: false }).map(
      ({ image }) => image.id,
    );
  assert.deepEqual(ids({ dangling: ['true'] }), [old.id]);
  assert.deepEqual(ids({ dangling: ['false'] }), [app.id, base.id]);
  assert.deepEqual(ids({ label: ['tier=front'] }), [app.id]);
  assert.deepEqual(ids({ before: ['app'] }), [base.id, old.id]);
  assert.deepEqual(ids({ since: [old.id] }), [app.id, base.id]);
  assert.deepEqual(ids({ until: ['2026-01-15'] }), [base.id, old.id]);
  assert.deepEqual(ids({ reference: ['ap*', 'nosuch'] }), [app.id]);
  assert.deepEqual(ids({ reference: ['docker.io/library/app'] }), [app.id]);
  assert.deepEqual(ids({ reference: ['base:[0-9]'] }), [base.id]);
  assert.deepEqual(ids({ reference: ['*/team/*'] }), [base.id]);
  assert.deepEqual(ids({ reference: ['*', 'a.p'] }), [app.id, base.id]);
  assert.deepEqual(ids({ reference: ['host:5000/*'] }), []);
  assert.deepEqual(ids({ reference: ['host:5000/*/base'] }), [base.id]);
  assert.throws(() => ids({ reference: ['['] }), { message: 'syntax error in pattern' });
  assert.deepEqual(ids({ 'label!': ['tier=front'] }), [base.id, old.id]);
  assert.throws(() => ids({ colour: ['red'] }), { message: "invalid filter 'colour'" });
});

test('a filter for names shows those alone', async (context) => {
  const { engine } = await fixture(context);
  const [row] = listImages(engine, { filters: new Map([['reference', ['base:1']]]), sharedSize: false });
  assert.deepEqual(row?.image.repoTags, ['base:1']);
});

test('pruning takes images without a name; all that nobody uses where that is asked for', async (context) => {
  const { parts, engine } = await fixture(context);
  parts.add({ id: testId('c1'), imageId: app.id });
  const first = await pruneImages(engine, new Map());
  assert.deepEqual(first, {
    deleted: [{ untagged: old.id }, { deleted: old.id }, { deleted: 'sha256:old' }],
    spaceReclaimed: 100,
  });
  const second = await pruneImages(engine, new Map([['dangling', ['false']]]));
  assert.deepEqual(second.deleted.at(-1), { deleted: 'sha256:base' });
  assert.ok((await parts.told()).includes(`image delete ${base.id}`));
});

test('tagging and removing are told', async (context) => {
  const { parts, engine, tagged } = await fixture(context);
  const anyEngine: Parameters<typeof tagImage>[0] = engine;
  tagImage(anyEngine, 'app', 'host:5000/x');
  await removeImage(anyEngine, 'app', { force: false, prune: true });
  assert.deepEqual(tagged, ['app host:5000/x']);
  assert.deepEqual(await parts.told(), [
    `image tag ${app.id}`,
    `image untag ${app.id}`,
    `image delete ${app.id}`,
  ]);
});

test('images that others were made from are shown with all only, and dangling means at the end of the line', async (context) => {
  const middle = dated('middle', '2026-01-15T00:00:00Z', { repoTags: [] });
  const top = dated('top', '2026-01-20T00:00:00Z', { repoTags: [], parentId: middle.id });
  const byDigest = dated('pulled', '2026-01-25T00:00:00Z', {
    repoTags: [],
    repoDigests: [`pulled@sha256:${'1'.repeat(64)}`],
  });
  const parts = await engineParts(context, [middle, top, byDigest]);
  const engine = { ...parts, snapshots: { layers: () => [], layerSize: () => 0 } } as never;
  const ids = (filters: Record<string, string[]>, all = false) =>
    listImages(engine, { filters: new Map(Object.entries(filters)), sharedSize: false, all }).map(
      ({ image }) => image.id,
    );
  assert.deepEqual(ids({}), [byDigest.id, top.id]);
  assert.deepEqual(ids({}, true), [byDigest.id, top.id, middle.id]);
  assert.deepEqual(ids({ dangling: ['true'] }, true), [byDigest.id, top.id]);
  assert.deepEqual(ids({ dangling: ['false'] }, true), [byDigest.id]);
  assert.deepEqual(ids({ reference: ['pulled'] }), [byDigest.id]);
});
