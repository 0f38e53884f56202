/** The history of an image that was made from others on this host. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { historyOf } from './image-history.ts';

test('the steps that ended in an image that is here have its ID and its tags', () => {
  const image = {
    id: 'sha256:top',
    repoTags: ['top:1'],
    config: {
      architecture: 'amd64',
      os: 'linux',
      rootfs: { type: 'layers' as const, diff_ids: [] },
      history: ['one', 'two', 'three'].map((name) => ({ created_by: name, empty_layer: true })),
    },
  };
  const parents = [{ id: 'sha256:middle', repoTags: ['middle:1', 'middle:2'] }];
  assert.deepEqual(
    historyOf(image, () => 0, parents).map(({ id, tags, createdBy }) => [id, tags, createdBy]),
    [
      ['sha256:top', ['top:1'], 'three'],
      ['sha256:middle', ['middle:1', 'middle:2'], 'two'],
      ['<missing>', [], 'one'],
    ],
  );
});
