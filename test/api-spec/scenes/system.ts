/** `_ping`, version, info, events, disk usage and logins. */
import type { Scene, Stage } from './stage.ts';

export const systemScene: Scene = async (stage) => {
  await stage.get('/_ping', { expect: 200 });
  await stage.call('HEAD', '/_ping', { expect: 200 });
  await stage.get('/version', { expect: 200 });
  await stage.get('/info', { expect: 200 });
  await events(stage);
  await diskUsage(stage);
  await logins(stage);
};

/** The container, image and volume that are there make the rows. */
async function diskUsage(stage: Stage): Promise<void> {
  await stage.post('/volumes/create', { body: { Name: `${stage.prefix}-df` }, expect: 201 });
  const volume = `${stage.prefix}-df`;
  const id = await stage.container('df', { HostConfig: { Binds: [`${volume}:/data`], NetworkMode: 'none' } });
  await stage.get('/system/df', { expect: 200 });
  for (const type of ['container', 'image', 'volume', 'build-cache'])
    await stage.get('/system/df', { query: { type }, expect: 200 });
  if (stage.speaks('1.42')) await stage.get('/system/df', { query: { type: 'nonsense' }, expect: 400 });
  await stage.removeContainer(id);
  await stage.delete('/volumes/{name}', { path: { name: volume }, expect: 204 });
}

async function events(stage: Stage): Promise<void> {
  const since = String(Date.now() / 1000);
  const id = await stage.container('events');
  await stage.post('/containers/{id}/kill', { path: { id }, expect: 204 });
  await stage.post('/containers/{id}/wait', { path: { id }, expect: 200 });
  await stage.removeContainer(id);
  const until = String(Date.now() / 1000);
  const filters = JSON.stringify({ type: ['container', 'network', 'volume'] });
  await stage.get('/events', { query: { since, until, filters }, expect: 200 });
  await stage.get('/events', { query: { since: 'yesterday' }, expect: 400 });
  await stage.get('/events', { query: { since: '200', until: '100' }, expect: 400 });
}

async function logins(stage: Stage): Promise<void> {
  const { registry } = stage;
  if (registry === undefined) return;
  const login = (password: string, expect: number) =>
    stage.post('/auth', {
      body: { username: 'reader', password, email: 'reader@example.org', serveraddress: registry.host },
      expect,
    });
  await login('secret', 200);
  await login('wrong', 401);
}
