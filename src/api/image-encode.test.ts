/** Images on the wire, for clients of each version. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testImage } from '../../test/support/engine-parts.ts';
import { encodeHistoryEntry, encodeImageInspect, encodeImageSummary } from './image-encode.ts';

const parentId = `sha256:${'b'.repeat(64)}`;

test('a row of the list: parent, sizes, and a name for what has none where the client is old', () => {
  const row = { image: testImage('x', { repoTags: [], parentId }), sharedSize: -1, containers: 2 };
  const summary = encodeImageSummary(row, '1.51');
  assert.deepEqual(
    [
      summary.ParentId,
      summary.RepoTags,
      summary.RepoDigests,
      summary.Size,
      summary.SharedSize,
      summary.Containers,
    ],
    [parentId, [], [], 1000, -1, 2],
  );
  assert.ok(!('VirtualSize' in summary));
  assert.equal(encodeImageSummary(row, '1.43').VirtualSize, 1000);
  assert.deepEqual(encodeImageSummary(row, '1.43').RepoTags, []);
  const old = encodeImageSummary(row, '1.42');
  assert.deepEqual([old.RepoTags, old.RepoDigests], [['<none>:<none>'], ['<none>@<none>']]);
  const named = encodeImageSummary({ ...row, image: testImage('x') }, '1.42');
  assert.deepEqual([named.RepoTags, named.RepoDigests], [['x:latest'], []]);
});

test('inspect: parent, and where its layers are, top first', () => {
  const image = testImage('x', { parentId });
  const one = encodeImageInspect(image, ['/l/top', '/l/middle', '/l/base'], '1.51');
  assert.equal(one.Parent, parentId);
  assert.deepEqual(one.GraphDriver, {
    Name: 'overlay2',
    Data: { LowerDir: '/l/middle:/l/base', UpperDir: '/l/top' },
  });
  assert.deepEqual(encodeImageInspect(image, ['/l/base'], '1.51').GraphDriver.Data, { UpperDir: '/l/base' });
  assert.equal(encodeImageInspect(image, [], '1.51').GraphDriver.Data, null);
  assert.equal(encodeImageInspect(testImage('y'), [], '1.51').Parent, '');
});

test("a step of the history: no tags are null, and no time is Go's", () => {
  const step = { id: '<missing>', created: undefined, createdBy: 'CMD', tags: [], size: 0, comment: '' };
  assert.deepEqual(encodeHistoryEntry(step), {
    Id: '<missing>',
    Created: -62_135_596_800,
    CreatedBy: 'CMD',
    Tags: null,
    Size: 0,
    Comment: '',
  });
  const dated = encodeHistoryEntry({ ...step, created: 1999, tags: ['x:1'] });
  assert.deepEqual([dated.Created, dated.Tags], [1, ['x:1']]);
});
