/** Named volumes. */
import type { Scene } from './stage.ts';

const nobody = { name: 'no-such-volume' };

export const volumesScene: Scene = async (stage) => {
  const name = `${stage.prefix}-volume`;
  await stage.post('/volumes/create', {
    body: {
      Name: name,
      Driver: 'local',
      DriverOpts: { type: 'tmpfs', device: 'tmpfs', o: 'size=1m' },
      Labels: { a: 'b' },
    },
    expect: 201,
  });
  await stage.post('/volumes/create', { body: { Driver: 'no-such-driver' }, expect: [400, 404, 500] });
  const filters = JSON.stringify({ name: [name] });
  const { json } = await stage.get('/volumes', { query: { filters }, expect: 200 });
  stage.same(json?.Volumes?.length, 1, 'volumes by name');
  await stage.get('/volumes', { query: { filters: '{"nonsense":["x"]}' }, expect: 400 });
  await stage.get('/volumes/{name}', { path: { name }, expect: 200 });
  await stage.get('/volumes/{name}', { path: nobody, expect: 404 });
  const id = await stage.container(
    'volume',
    { HostConfig: { Binds: [`${name}:/data`], NetworkMode: 'none' } },
    false,
  );
  await stage.delete('/volumes/{name}', { path: { name }, expect: 409 });
  await stage.removeContainer(id);
  await stage.delete('/volumes/{name}', { path: { name }, query: { force: 'true' }, expect: 204 });
  await stage.delete('/volumes/{name}', { path: nobody, expect: 404 });
  /* Only volumes of a swarm can be changed. */
  await stage.call('PUT', '/volumes/{name}', {
    path: nobody,
    query: { version: '1' },
    body: {},
    expect: 503,
  });
  const labels = { [stage.prefix]: 'prune' };
  await stage.post('/volumes/create', { body: { Labels: labels }, expect: 201 });
  const pruned = await stage.post('/volumes/prune', {
    query: { filters: JSON.stringify({ label: [`${stage.prefix}=prune`] }) },
    expect: 200,
  });
  stage.same(pruned.json?.VolumesDeleted?.length, 1, 'volumes pruned');
};
