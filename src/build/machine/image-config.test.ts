import assert from 'node:assert/strict';
import { test } from 'node:test';
import { imageConfig } from './image-config.ts';
import { emptyImage, type ImageState } from './image-state.ts';

const platform = { os: 'linux', architecture: 'arm64' };
const layer = {
  diffId: 'sha256:d',
  chainId: 'sha256:c',
  blob: { digest: 'sha256:d', mediaType: 'x', size: 1 },
};
const state: ImageState = {
  ...emptyImage(platform),
  history: [
    { created: '2020-01-01T00:00:00.000Z', created_by: 'base' },
    { created_by: 'ENV A=1', empty_layer: true },
    { created: '2024-01-01T00:00:00.000Z', created_by: 'RUN x' },
    { created_by: 'CMD y', empty_layer: true },
  ],
};

test('steps without a layer are as old as the layers around them, so that a rebuild is the same image', () => {
  const config = imageConfig({ image: state, layers: [layer], labels: new Map(), epoch: undefined });
  assert.deepEqual(
    config.history?.map(({ created }) => created?.slice(0, 4)),
    ['2020', '2024', '2024', '2024'],
  );
  assert.equal(config.created, '2024-01-01T00:00:00.000Z');
  assert.deepEqual(config.rootfs.diff_ids, ['sha256:d']);
});

test('with an epoch, times that are not known are that one, and the image’s own', () => {
  const config = imageConfig({ image: state, layers: [layer], labels: new Map(), epoch: 1_700_000_000 });
  assert.equal(config.created, '2023-11-14T22:13:20.000Z');
  assert.equal(config.history?.[1]?.created, '2023-11-14T22:13:20.000Z');
  assert.equal(config.history?.[0]?.created, '2020-01-01T00:00:00.000Z');
});

test('labels that were asked for are there, in order; what says nothing is not', () => {
  const labels = new Map([
    ['b', '1'],
    ['a', '2'],
  ]);
  const { config } = imageConfig({
    image: { ...state, process: { Labels: { c: '3' }, Cmd: [] } },
    layers: [],
    labels,
    epoch: undefined,
  });
  assert.equal(JSON.stringify(config), '{"Labels":{"a":"2","b":"1","c":"3"}}');
});
