/** A hundred starts at once, all right. */
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { after, before, test } from 'node:test';
import { TestDaemon } from '../support/daemon.ts';

let daemon: TestDaemon;
before(async () => {
  daemon = await TestDaemon.start();
});
after(async () => {
  await daemon.close();
});

/** One API call over the socket, without the weight of a hundred command lines. */
function call(method: string, path: string, body?: object): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'content-type': 'application/json' };
    const outgoing = request(
      { socketPath: daemon.socket, method, path, headers, agent: false },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }),
        );
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

async function startOne(index: number): Promise<string> {
  const created = await call('POST', `/containers/create?name=many${index}`, {
    Image: 'busybox',
    Cmd: ['sh', '-c', `echo ${index}; exec sleep 1000`],
  });
  assert.equal(created.status, 201, created.body);
  const { Id: id }: { Id: string } = JSON.parse(created.body);
  const started = await call('POST', `/containers/${id}/start`);
  assert.equal(started.status, 204, started.body);
  return id;
}

test('100 containers start at once: own addresses, right output, all running, all removed', {
  timeout: 120_000,
}, async () => {
  await Promise.all(Array.from({ length: 100 }, (_, index) => startOne(index)));
  const running: Array<{
    Names: string[];
    NetworkSettings: { Networks: { bridge: { IPAddress: string } } };
  }> = JSON.parse((await call('GET', '/containers/json')).body);
  assert.equal(running.length, 100);
  assert.equal(
    new Set(running.map((container) => container.NetworkSettings.Networks.bridge.IPAddress)).size,
    100,
  );
  for (let index = 0; index < 100; index += 9)
    assert.equal(await daemon.ok(['logs', `many${index}`]), String(index));
  const removed = await Promise.all(
    running.map(({ Names }) => call('DELETE', `/containers${Names[0]}?force=1`)),
  );
  assert.deepEqual([...new Set(removed.map(({ status }) => status))], [204]);
});
