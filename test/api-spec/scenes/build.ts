/** The builder's routes. */
import { tarOf } from '../../support/tar-writer.ts';
import type { Scene } from './stage.ts';

export const buildScene: Scene = async (stage) => {
  const context = tarOf([{ name: 'Dockerfile', data: 'FROM busybox\nCOPY Dockerfile /\n' }]);
  const built = await stage.post('/build', {
    query: { t: `${stage.prefix}-built` },
    body: context,
    expect: 200,
  });
  if (built.status === 200)
    await stage.delete('/images/{name}', { path: { name: `${stage.prefix}-built` }, expect: 200 });
  await stage.post('/build', { query: { dockerfile: 'no-such-file' }, body: context, expect: [400, 500] });
  await stage.post('/build/prune', {
    query: {
      'keep-storage': '0',
      'reserved-space': '0',
      'max-used-space': '0',
      'min-free-space': '0',
      all: 'true',
      filters: '{"until":["24h"]}',
    },
    expect: 200,
  });
  await stage.post('/session', { upgrade: { protocol: 'h2c' }, until: /./, expect: 101 });
};
