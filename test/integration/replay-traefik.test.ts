/**
 * What Traefik's docker provider asks, sent as it sends it: API 1.24, its User-Agent, one list, one inspection per container, and events
 * that make it ask again. The fields that are looked at are those which it routes by.
 */
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { callApi } from '../support/api-client.ts';
import { TestDaemon } from '../support/daemon.ts';

const headers = { 'user-agent': 'Traefik 3.3.4' };
let daemon: TestDaemon;
before(async () => {
  daemon = await TestDaemon.start();
});
after(() => daemon.close());

// biome-ignore lint/suspicious/noExplicitAny: documents of every shape
async function get(path: string): Promise<any> {
  const { status, json, text } = await callApi(daemon.socket, 'GET', `/v1.24${path}`, undefined, headers);
  assert.equal(status, 200, text);
  return json;
}

interface Service {
  name: string;
  labels: Record<string, string>;
  port: number;
  address: string;
  networkMode: string;
  health: string | undefined;
}

/** As the provider does it: what has no name, or does not run, is left out. */
async function services(): Promise<Service[]> {
  const listed: Array<{ Id: string }> = await get('/containers/json?all=1');
  const inspected = await Promise.all(listed.map(({ Id }) => get(`/containers/${Id}/json`)));
  return inspected
    .filter(({ State }) => State.Running === true)
    .map(({ Name, Config, State, HostConfig, NetworkSettings }) => ({
      name: Name,
      labels: Config.Labels,
      port: Number(Object.keys(NetworkSettings.Ports)[0]?.split('/')[0]),
      address: Object.values<{ IPAddress: string }>(NetworkSettings.Networks)[0]?.IPAddress ?? '',
      networkMode: HostConfig.NetworkMode,
      health: State.Health?.Status,
    }));
}

test('version, list, inspection: name, labels, port, address and health are where it looks', async () => {
  const version = await get('/version');
  assert.match(version.Version, /^\d+\.\d+/);
  assert.equal(version.ApiVersion, '1.51');
  await daemon.ok(['network', 'create', 'edge']);
  await daemon.ok([
    ...['run', '-d', '--name', 'whoami', '--network', 'edge', '--expose', '8080'],
    ...['--label', 'traefik.http.routers.whoami.rule=Host(`a.example`)', '--label', 'traefik.enable=true'],
    ...['--health-cmd', 'true', '--health-interval', '200ms', 'busybox', 'sleep', '1000'],
  ]);
  await daemon.ok(['create', '--name', 'idle', 'busybox', 'true']);
  const [service, ...others] = await services();
  assert.deepEqual(others, []);
  assert.equal(service?.name, '/whoami');
  assert.deepEqual(service?.labels, {
    'traefik.http.routers.whoami.rule': 'Host(`a.example`)',
    'traefik.enable': 'true',
  });
  assert.equal(service?.port, 8080);
  assert.match(service?.address ?? '', /^\d+\.\d+\.\d+\.\d+$/);
  assert.equal(service?.networkMode, 'edge');
  assert.match(service?.health ?? '', /^(starting|healthy)$/);
});

test('events of containers: start, health_status and die arrive on a connection that stays open', async () => {
  const actions: string[] = [];
  const filters = encodeURIComponent('{"type":{"container":true}}');
  const watching = request(
    { socketPath: daemon.socket, path: `/v1.24/events?filters=${filters}`, headers },
    (response) => {
      assert.equal(response.statusCode, 200);
      response.on('error', () => {});
      response.on('data', (chunk: Buffer) => {
        for (const line of chunk.toString().split('\n').filter(Boolean)) {
          const event = JSON.parse(line);
          // Both the old and the new names of the fields.
          assert.deepEqual([event.status, event.id], [event.Action, event.Actor.ID]);
          assert.equal(event.Type, 'container');
          if (event.Actor.Attributes.name === 'coming') actions.push(event.Action);
        }
      });
    },
  );
  watching.on('error', () => {});
  watching.end();
  await sleep(300);
  await daemon.ok(['volume', 'create', 'no-container']);
  const probed = ['--health-cmd', 'true', '--health-interval', '100ms'];
  await daemon.ok(['run', '-d', '--name', 'coming', ...probed, 'busybox', 'sleep', '1000']);
  const wants = ['start', 'health_status: healthy', 'die'];
  for (let waited = 0; !actions.includes('health_status: healthy'); waited += 50) {
    assert.ok(waited < 5000, actions.join());
    await sleep(50);
  }
  await daemon.ok(['rm', '-f', 'coming']);
  for (let waited = 0; !actions.includes('die'); waited += 50) {
    assert.ok(waited < 5000, actions.join());
    await sleep(50);
  }
  watching.destroy();
  assert.deepEqual(
    actions.filter((action) => wants.includes(action)),
    wants,
  );
});
