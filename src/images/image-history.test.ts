/** The history of an image that was made from others on this host. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { historyOf } from './image-history.ts';

test('the steps that ended in an image that is here have its ID and its tags', () => {
  const withSteps = (id: string, repoTags: string[], ...steps: string[]) => ({
    id,
    repoTags,
    config: {
      architecture: 'amd64',
      os: 'linux',
      rootfs: { type: 'layers' as const, diff_ids: [] },
      history: steps.map((name) => ({ created_by: name, empty_layer: true })),
    },
  });
  const image = withSteps('sha256:top', ['top:1'], 'one', 'two', 'three', 'four');
  // A build adds several steps at once.
  const parents = [withSteps('sha256:middle', ['middle:1', 'middle:2'], 'one', 'two')];
  assert.deepEqual(
    historyOf(image, () => 0, parents).map(({ id, tags, createdBy }) => [id, tags, createdBy]),
    [
      ['sha256:top', ['top:1'], 'four'],
      ['<missing>', [], 'three'],
      ['sha256:middle', ['middle:1', 'middle:2'], 'two'],
      ['<missing>', [], 'one'],
    ],
  );
});
