/** Attach, exec, wait, logs and events on the wire: upgraded, plain, half-closed, aborted. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { FrameDecoder } from '../../src/wire/raw-stream.ts';
import { callApi, RawConnection } from '../support/api-client.ts';
import { TestDaemon } from '../support/daemon.ts';

let daemon: TestDaemon;
before(async () => {
  daemon = await TestDaemon.start();
});
after(async () => {
  await daemon.close();
});

const upgrade = 'Connection: Upgrade\r\nUpgrade: tcp\r\n';

async function create(config: object): Promise<string> {
  const { status, json, text } = await callApi(daemon.socket, 'POST', '/containers/create', {
    Image: 'busybox',
    ...config,
  });
  assert.equal(status, 201, text);
  return json.Id;
}

async function start(id: string): Promise<void> {
  assert.equal((await callApi(daemon.socket, 'POST', `/containers/${id}/start`)).status, 204);
}

/** Head and decoded frames of what came over a raw connection. */
function decode(received: string): { head: string; frames: string[] } {
  const end = received.indexOf('\r\n\r\n') + 4;
  const frames = new FrameDecoder().push(Buffer.from(received.slice(end), 'latin1'));
  return {
    head: received.slice(0, end),
    frames: frames.map((one) => `${one.stream}:${one.data.toString()}`),
  };
}

test('attach with an upgrade: 101, frames, half-close', async () => {
  const id = await create({ Cmd: ['sh', '-c', 'cat; echo done >&2'], OpenStdin: true, StdinOnce: true });
  const connection = new RawConnection(daemon.socket);
  connection.send(
    `POST /v1.51/containers/${id}/attach?stream=1&stdin=1&stdout=1&stderr=1 HTTP/1.1\r\nHost: x\r\n${upgrade}\r\n`,
  );
  const head = await connection.until(/\r\n\r\n/);
  assert.match(head, /^HTTP\/1\.1 101 UPGRADED\r\n/);
  assert.match(head, /Content-Type: application\/vnd\.docker\.multiplexed-stream\r\n/);
  await start(id);
  connection.send('hello\n');
  await connection.until(/hello/);
  connection.socket.end();
  const { frames } = decode(await connection.end());
  assert.deepEqual(frames, ['stdout:hello\n', 'stderr:done\n']);
  await callApi(daemon.socket, 'DELETE', `/containers/${id}`);
});

test('attach of an old client without an upgrade: 200, and its input right behind the head', async () => {
  const id = await create({ Cmd: ['cat'], OpenStdin: true, StdinOnce: true });
  const connection = new RawConnection(daemon.socket);
  connection.send(
    `POST /v1.24/containers/${id}/attach?stream=1&stdin=1&stdout=1 HTTP/1.1\r\nHost: x\r\n\r\nearly `,
  );
  const head = await connection.until(/\r\n\r\n/);
  assert.match(head, /^HTTP\/1\.1 200 OK\r\n/);
  assert.match(head, /Content-Type: application\/vnd\.docker\.raw-stream\r\n/);
  await start(id);
  connection.send('late\n');
  connection.socket.end();
  const { frames } = decode(await connection.end());
  assert.equal(frames.join('').replaceAll('stdout:', ''), 'early late\n');
  await callApi(daemon.socket, 'DELETE', `/containers/${id}`);
});

test('attach to what is not there is an ordinary error', async () => {
  for (const headers of [upgrade, '']) {
    const connection = new RawConnection(daemon.socket);
    connection.send(`POST /containers/nobody/attach?stream=1 HTTP/1.1\r\nHost: x\r\n${headers}\r\n`);
    const received = await connection.end();
    assert.match(received, /^HTTP\/1\.1 404 Not Found\r\n[\s\S]*\{"message":"No such container: nobody/);
  }
});

test('wait answers its headers at once, and its body at the end', async () => {
  const id = await create({ Cmd: ['sh', '-c', 'exit 7'] });
  const connection = new RawConnection(daemon.socket);
  connection.send(`POST /containers/${id}/wait?condition=next-exit HTTP/1.1\r\nHost: x\r\n\r\n`);
  await connection.until(/^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\n/);
  assert.doesNotMatch(connection.received, /StatusCode/);
  await start(id);
  await connection.until(/\{"StatusCode":7\}/);
  connection.socket.destroy();
  const late = await callApi(daemon.socket, 'POST', `/containers/${id}/wait`);
  assert.deepEqual(late.json, { StatusCode: 7 });
  const bad = await callApi(daemon.socket, 'POST', `/containers/${id}/wait?condition=never`);
  assert.equal(bad.status, 400);
  await callApi(daemon.socket, 'DELETE', `/containers/${id}`);
});

test('exec: body before the upgrade, output, exit code', async () => {
  const id = await create({ Cmd: ['sleep', '100'] });
  await start(id);
  const exec = await callApi(daemon.socket, 'POST', `/containers/${id}/exec`, {
    Cmd: ['sh', '-c', 'cat; exit 3'],
    AttachStdin: true,
    AttachStdout: true,
  });
  assert.equal(exec.status, 201);
  const connection = new RawConnection(daemon.socket);
  const body = '{"Detach":false,"Tty":false}';
  connection.send(
    `POST /v1.51/exec/${exec.json.Id}/start HTTP/1.1\r\nHost: x\r\n${upgrade}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, 5)}`,
  );
  await new Promise((resolve) => setTimeout(resolve, 20));
  connection.send(`${body.slice(5)}input\n`);
  connection.socket.end();
  const { head, frames } = decode(await connection.end());
  assert.match(head, /^HTTP\/1\.1 101 UPGRADED/);
  assert.deepEqual(frames, ['stdout:input\n']);
  const inspect = (await callApi(daemon.socket, 'GET', `/exec/${exec.json.Id}/json`)).json;
  assert.deepEqual([inspect.Running, inspect.ExitCode, inspect.ProcessConfig.entrypoint], [false, 3, 'sh']);
  const again = await callApi(daemon.socket, 'POST', `/exec/${exec.json.Id}/start`, { Detach: true });
  assert.equal(again.status, 409);
  await callApi(daemon.socket, 'DELETE', `/containers/${id}?force=1`);
});

test('a detached exec, over a kept connection and over a fresh one', async () => {
  const id = await create({ Cmd: ['sleep', '100'] });
  await start(id);
  for (const first of ['', 'GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n']) {
    const exec = await callApi(daemon.socket, 'POST', `/containers/${id}/exec`, { Cmd: ['true'] });
    const connection = new RawConnection(daemon.socket);
    connection.send(first);
    if (first !== '') await connection.until(/OK$/);
    connection.send(
      `POST /exec/${exec.json.Id}/start HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{"Detach":true}`,
    );
    await connection.until(/(?:^|OK)HTTP\/1\.1 200 OK\r\n[\s\S]*Content-Length: 0\r\n[\s\S]*\r\n\r\n$/i);
    connection.socket.destroy();
  }
  await callApi(daemon.socket, 'DELETE', `/containers/${id}?force=1`);
});

test('logs and events flush their headers, stream, and end with the client', async () => {
  const events = new RawConnection(daemon.socket);
  events.send('GET /events HTTP/1.1\r\nHost: x\r\n\r\n');
  await events.until(/^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\n/);
  const id = await create({ Cmd: ['sh', '-c', 'echo one; sleep 100'] });
  await events.until(new RegExp(`"Action":"create","Actor":\\{"ID":"${id}"`));
  assert.match(events.received, /"timeNano":\d{19}\b/);
  await start(id);
  const logs = new RawConnection(daemon.socket);
  logs.send(`GET /v1.51/containers/${id}/logs?follow=1&stdout=1 HTTP/1.1\r\nHost: x\r\n\r\n`);
  await logs.until(/application\/vnd\.docker\.multiplexed-stream[\s\S]*one\n/);
  logs.socket.destroy();
  events.socket.destroy();
  const none = await callApi(daemon.socket, 'GET', `/containers/${id}/logs`);
  assert.deepEqual(
    [none.status, none.json.message],
    [400, 'Bad parameters: you must choose at least one stream'],
  );
  const { NEventsListener } = (await callApi(daemon.socket, 'GET', '/info')).json;
  assert.equal(NEventsListener, 0);
  await callApi(daemon.socket, 'DELETE', `/containers/${id}?force=1`);
});

test('a terminal: raw bytes, resize, detach keys', async () => {
  const id = await create({ Cmd: ['sh'], Tty: true, OpenStdin: true });
  const connection = new RawConnection(daemon.socket);
  connection.send(
    `POST /v1.51/containers/${id}/attach?stream=1&stdin=1&stdout=1 HTTP/1.1\r\nHost: x\r\n${upgrade}\r\n`,
  );
  await connection.until(/vnd\.docker\.raw-stream[\s\S]*\r\n\r\n/);
  await start(id);
  assert.equal((await callApi(daemon.socket, 'POST', `/containers/${id}/resize?h=33&w=77`)).status, 200);
  connection.send('stty size\n');
  await connection.until(/33 77\r\n/);
  connection.send('\x10\x11');
  await connection.end();
  assert.equal((await callApi(daemon.socket, 'GET', `/containers/${id}/json`)).json.State.Running, true);
  assert.equal((await callApi(daemon.socket, 'POST', `/containers/${id}/resize?h=x&w=1`)).status, 400);
  await callApi(daemon.socket, 'DELETE', `/containers/${id}?force=1`);
});

test('the start report tells the six steps in order, with their times', async () => {
  const id = await create({ Cmd: ['sleep', '100'] });
  const early = await callApi(daemon.socket, 'GET', `/gantry/containers/${id}/start-report`);
  assert.equal(early.status, 404);
  await start(id);
  const { json } = await callApi(daemon.socket, 'GET', `/gantry/containers/${id}/start-report`);
  const names = json.Steps.map((step: { Name: string }) => step.Name);
  assert.deepEqual(names, ['image', 'create', 'network', 'address', 'process', 'output']);
  for (const step of json.Steps) assert.ok(step.Ms >= 0 && step.Detail !== '', JSON.stringify(step));
  assert.ok(json.TotalMs > 0);
  await callApi(daemon.socket, 'DELETE', `/containers/${id}?force=1`);
});
