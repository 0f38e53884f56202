/** The tree of images. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { styleFor } from '../help/style.ts';
import { imageTree } from './image-tree.ts';

const plain = styleFor(
  { isTerminal: false, columns: () => 0, write: () => undefined, send: () => Promise.resolve() },
  {},
);
const image = {
  Id: `sha256:${'a'.repeat(64)}`,
  ParentId: '',
  RepoTags: ['app:1', 'reg.example:5000/app:1'],
  RepoDigests: [],
  Created: 1,
  Size: 1_980_000,
  SharedSize: -1,
  Labels: null,
  Containers: -1,
};

test('all names of an image, whether it is used, and its platforms', () => {
  const manifest = (architecture: string, Available: boolean, Containers: string[]) => ({
    ID: `sha256:${architecture.padEnd(64, '0')}`,
    Kind: 'image',
    Available,
    Size: { Content: 500_000, Total: 1_500_000 },
    ImageData: { Platform: { os: 'linux', architecture }, Containers },
  });
  const many = {
    ...image,
    Id: `sha256:${'b'.repeat(64)}`,
    RepoTags: [],
    Manifests: [
      manifest('amd64', true, []),
      manifest('arm64', true, ['c']),
      manifest('s390x', false, []),
      { ...manifest('x', true, []), Kind: 'attestation' },
    ],
  };
  assert.equal(
    imageTree([image, many], new Set([image.Id]), plain),
    `                                                        Info ->  U In Use

IMAGE                    ID             DISK USAGE   CONTENT SIZE   EXTRA
app:1
reg.example:5000/app:1   aaaaaaaaaaaa       1.98MB             0B   U
<untagged>               bbbbbbbbbbbb       1.98MB            2MB   U
├─ linux/amd64           amd640000000        1.5MB          500kB
└─ linux/arm64           arm640000000        1.5MB          500kB   U
`,
  );
});

test('no images', () => {
  assert.equal(
    imageTree([], new Set(), plain),
    `                             Info ->  U In Use

IMAGE   ID   DISK USAGE   CONTENT SIZE   EXTRA
`,
  );
});
