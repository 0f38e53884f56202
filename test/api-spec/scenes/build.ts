/** The builder's routes. */
import { tarOf } from '../../support/tar-writer.ts';
import type { Scene } from './stage.ts';

/** Every parameter with a value that changes little, but for `remote` and `outputs`, of which the classic builder has none. */
const everything = {
  dockerfile: 'Dockerfile',
  extrahosts: 'h:1.2.3.4',
  q: 'false',
  nocache: 'true',
  cachefrom: '[]',
  pull: 'false',
  rm: 'true',
  forcerm: 'true',
  memory: '67108864',
  memswap: '-1',
  cpushares: '512',
  cpusetcpus: '0',
  cpuperiod: '100000',
  cpuquota: '50000',
  buildargs: '{"A":"b"}',
  shmsize: '1048576',
  squash: 'false',
  labels: '{"l":"m"}',
  networkmode: 'none',
  platform: '',
  target: '',
  version: '1',
};

export const buildScene: Scene = async (stage) => {
  const context = tarOf([{ name: 'Dockerfile', data: 'FROM busybox\nCOPY Dockerfile /\n' }]);
  const name = `${stage.prefix}-built`;
  const built = await stage.post('/build', {
    query: { ...everything, t: name },
    headers: { 'Content-type': 'application/x-tar', 'X-Registry-Config': 'e30=' },
    body: context,
    expect: 200,
  });
  if (built.status === 200) await stage.delete('/images/{name}', { path: { name }, expect: 200 });
  await stage.post('/build', { query: { dockerfile: 'no-such-file' }, body: context, expect: 500 });
  await stage.post('/build', { query: { target: 'no-such-stage' }, body: context, expect: 400 });
  await stage.post('/build', { query: { remote: 'no-address' }, expect: 400 });
  await stage.post('/build', { query: { outputs: '[{"Type":"tar"}]' }, body: context, expect: 400 });
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
  await stage.post('/session', {
    headers: { 'X-Docker-Expose-Session-Uuid': `${stage.prefix}-session` },
    upgrade: { protocol: 'h2c' },
    until: /./,
    expect: 101,
  });
};
