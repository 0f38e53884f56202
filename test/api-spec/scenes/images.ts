/** Images: where they come from, what is told of them, where they go. */
import { busyboxArchive, busyboxRootTar, hostPlatform } from '../../support/image-fixtures.ts';
import { fullConfig } from './full-create.ts';
import type { Scene, Stage } from './stage.ts';

const platform = JSON.stringify(hostPlatform());
const platformText = `linux/${hostPlatform().architecture}`;
const nobody = { name: 'no-such-image' };

/** What clients send in `X-Registry-Auth`: base64url of JSON. */
const credentials = {
  'X-Registry-Auth': Buffer.from(JSON.stringify({ username: 'reader', password: 'secret' })).toString(
    'base64url',
  ),
};

export const imagesScene: Scene = async (stage) => {
  await lists(stage);
  await tags(stage);
  await imports(stage);
  await archives(stage);
  await commits(stage);
  await registries(stage);
  await search(stage);
};

async function lists(stage: Stage): Promise<void> {
  const filters = JSON.stringify({ reference: ['busybox'] });
  for (const query of [
    { all: 'true' },
    { digests: 'true', 'shared-size': 'true', filters },
    { manifests: 'true' },
  ])
    await stage.get('/images/json', { query, expect: 200 });
  await stage.get('/images/json', { query: { filters: '{"nonsense":["x"]}' }, expect: 400 });
  const path = { name: 'busybox' };
  await stage.get('/images/{name}/json', { path, query: { manifests: 'true' }, expect: 200 });
  await stage.get('/images/{name}/json', { path: nobody, expect: 404 });
  await stage.get('/images/{name}/history', { path, query: { platform }, expect: 200 });
  await stage.get('/images/{name}/history', { path: nobody, expect: 404 });
}

async function tags(stage: Stage): Promise<void> {
  const path = { name: 'busybox' };
  const tag = (query: Record<string, string>, expect: number, from: Record<string, string> = path) =>
    stage.post('/images/{name}/tag', { path: from, query, expect });
  await tag({ repo: `example.org/${stage.prefix}`, tag: 'one' }, 201);
  await tag({ repo: 'Not A Name', tag: 'one' }, 400);
  await tag({ repo: 'x', tag: 'one' }, 404, nobody);
  const name = `example.org/${stage.prefix}:one`;
  const { json } = await stage.delete('/images/{name}', {
    path: { name },
    query: { force: 'true', noprune: 'true', platforms: platform },
    expect: 200,
  });
  stage.same(json, [{ Untagged: name }], 'untagging');
  await stage.delete('/images/{name}', { path: nobody, expect: 404 });
}

async function imports(stage: Stage): Promise<void> {
  const repo = `${stage.prefix}-imported`;
  const { text } = await stage.post('/images/create', {
    query: {
      fromSrc: '-',
      repo,
      tag: 'one',
      message: 'by hand',
      changes: ['CMD sh', 'LABEL a=b'],
      platform: platformText,
    },
    body: busyboxRootTar(),
    expect: 200,
  });
  stage.same(/sha256:[0-9a-f]{64}/.test(text), true, 'ID of what was imported');
  const shown = await stage.get('/images/{name}/json', { path: { name: `${repo}:one` }, expect: 200 });
  stage.same(shown.json?.Comment, 'by hand', 'comment of an import');
  const id = await stage.container('uses', { Image: `${repo}:one`, Cmd: ['sleep', '600'] });
  await stage.delete('/images/{name}', { path: { name: `${repo}:one` }, expect: 409 });
  await stage.removeContainer(id);
  await stage.delete('/images/{name}', { path: { name: `${repo}:one` }, expect: 200 });
}

async function archives(stage: Stage): Promise<void> {
  const path = { name: 'busybox' };
  const query = { platform };
  await stage.get('/images/{name}/get', { path, query, expect: 200 });
  await stage.get('/images/get', { query: { names: ['busybox'], ...query }, expect: 200 });
  await stage.get('/images/{name}/get', { path: nobody, expect: 404 });
  await stage.post('/images/load', {
    query: { quiet: 'true', ...query },
    body: busyboxArchive(`${stage.prefix}-loaded:one`),
    expect: 200,
  });
  await stage.delete('/images/{name}', { path: { name: `${stage.prefix}-loaded:one` }, expect: 200 });
}

async function commits(stage: Stage): Promise<void> {
  const container = await stage.container('commit');
  const repo = `${stage.prefix}-committed`;
  const query = { container, repo, tag: 'one', comment: 'c', author: 'a', pause: 'true', changes: 'ENV X=1' };
  await stage.post('/commit', {
    query,
    body: {
      ...fullConfig(),
      ArgsEscaped: false,
      NetworkDisabled: false,
      MacAddress: '',
      Labels: { from: 'commit' },
    },
    expect: 201,
  });
  await stage.post('/commit', { query: { ...query, container: 'nobody' }, body: {}, expect: 404 });
  await stage.removeContainer(container);
  const filters = JSON.stringify({ dangling: ['false'], label: ['from=commit'] });
  const { json } = await stage.post('/images/prune', { query: { filters }, expect: 200 });
  stage.same(json?.ImagesDeleted?.length > 0, true, 'images pruned');
}

async function registries(stage: Stage): Promise<void> {
  const { registry } = stage;
  if (registry === undefined) return;
  const repo = `${registry.host}/${stage.prefix}/busybox`;
  await stage.post('/images/{name}/tag', {
    path: { name: 'busybox' },
    query: { repo, tag: 'one' },
    expect: 201,
  });
  const headers = credentials;
  await stage.post('/images/{name}/push', { path: nobody, query: { tag: 'one' }, headers, expect: 200 });
  await stage.post('/images/{name}/push', {
    path: { name: repo },
    query: { tag: 'one', ...(stage.speaks('1.46') ? { platform } : {}) },
    headers,
    expect: 200,
  });
  await stage.get('/distribution/{name}/json', { path: { name: `${repo}:one` }, headers, expect: 200 });
  await stage.get('/distribution/{name}/json', { path: { name: `${repo}:one` }, expect: [401, 403] });
  await stage.delete('/images/{name}', { path: { name: `${repo}:one` }, expect: 200 });
  const query = { fromImage: repo, tag: 'one', platform: platformText };
  await stage.post('/images/create', { query, headers, expect: 200 });
  await stage.post('/images/create', { query: { fromImage: repo, tag: 'none' }, headers, expect: 404 });
  await stage.get('/images/{name}/json', { path: { name: `${repo}:one` }, expect: 200 });
  await stage.delete('/images/{name}', { path: { name: `${repo}:one` }, expect: 200 });
}

/** In the catalogue of the registry, for it has no search of its own. */
async function search(stage: Stage): Promise<void> {
  const { registry } = stage;
  if (registry !== undefined) {
    const query = { term: `${registry.host}/busybox`, limit: '5', filters: '{"is-automated":["false"]}' };
    await stage.get('/images/search', { query, headers: credentials, expect: 200 });
  }
  await stage.get('/images/search', { query: { term: '127.0.0.1:9/busybox' }, expect: [500, 503] });
}
