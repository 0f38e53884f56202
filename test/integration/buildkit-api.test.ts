/** BuildKit's API with clients that no one would write: wrong names of files, sessions that vanish, calls that make no sense. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { GrpcClient } from '../../src/api/buildkit/grpc-client.ts';
import type { GrpcMethods } from '../../src/api/buildkit/grpc-server.ts';
import { isEngineError } from '../../src/errors/engine-error.ts';
import { Empty } from '../../src/wire/buildkit/common-messages.ts';
import {
  InfoResponse,
  ListWorkersResponse,
  SolveRequest,
  SolveResponse,
  StatusRequest,
  StatusResponse,
} from '../../src/wire/buildkit/control-messages.ts';
import {
  FrontendSolveRequest,
  FrontendSolveResponse,
  ReturnRequest,
} from '../../src/wire/buildkit/gateway-messages.ts';
import {
  fileSync,
  type OfferedFile,
  openControl,
  openSession,
  statOf,
  upgrade,
} from '../support/buildkit-client.ts';
import { TestDaemon } from '../support/daemon.ts';
import { until } from '../support/until.ts';

const control = '/moby.buildkit.v1.Control';
const bridge = '/moby.buildkit.v1.frontend.LLBBridge';
const symlink = 0x0800_01ff;
const directory = 0x8000_01ed;

suite("BuildKit's API", () => {
  let daemon: TestDaemon;
  let client: GrpcClient;

  before(async () => {
    daemon = await TestDaemon.start();
    client = await openControl(daemon.socket);
  });

  after(async () => {
    client?.close();
    await daemon?.close();
  });

  const soon = (): AbortSignal => AbortSignal.timeout(20_000);

  /** A whole build by a client that does not lead it. */
  async function solve(
    session: string,
    attributes: Record<string, string> = {},
  ): Promise<Map<string, string>> {
    const request = {
      ref: randomUUID(),
      session,
      frontend: 'dockerfile.v0',
      frontendAttrs: new Map(Object.entries(attributes)),
      exporters: [{ type: 'image', attrs: new Map([['name', 'made']]) }],
    };
    const { exporterResponse } = await client.unary(
      `${control}/Solve`,
      SolveRequest,
      SolveResponse,
      request,
      soon(),
    );
    return exporterResponse;
  }

  async function built(files: OfferedFile[]): Promise<void> {
    const session = await openSession(
      daemon.socket,
      fileSync((name) => (name === 'dockerfile' ? dockerfile : files)),
    );
    try {
      await solve(session.id);
    } finally {
      session.connection.destroy();
    }
  }

  const dockerfile = [{ stat: statOf('Dockerfile', { size: 26 }), content: 'FROM busybox\nCOPY . /src/\n' }];

  test('a build of a client that only calls Solve', async () => {
    await built([{ stat: statOf('a', { size: 5 }), content: 'hello' }]);
    assert.equal(await daemon.ok(['run', '--rm', '--network', 'none', 'made', 'cat', '/src/a']), 'hello');
  });

  test('names of files never lead out of the context', async () => {
    const outside = join(daemon.root, 'outside');
    const evil: OfferedFile[][] = [
      [{ stat: statOf(`../../../../../../../../../..${outside}`, { size: 1 }), content: 'x' }],
      [{ stat: statOf(outside, { size: 1 }), content: 'x' }],
      [
        { stat: statOf('l', { mode: symlink, linkname: daemon.root }) },
        { stat: statOf('l/outside', { size: 1 }), content: 'x' },
      ],
      [
        { stat: statOf('l', { mode: symlink, linkname: join(daemon.root, 'log') }) },
        { stat: statOf('h', { linkname: 'l' }) },
      ],
      [{ stat: statOf('h', { linkname: '../../../../log' }) }],
      [{ stat: statOf('d', { mode: directory }) }, { stat: statOf('d/../../x', { size: 1 }), content: 'x' }],
    ];
    for (const files of evil) {
      await assert.rejects(built(files), /a path that is not taken/, JSON.stringify(files[0]?.stat.path));
    }
    assert.equal(existsSync(outside), false);
    assert.equal(await daemon.ok(['run', '--rm', '--network', 'none', 'busybox', 'echo', 'alive']), 'alive');
  });

  test('a link of the context that is replaced by a directory is not followed', async () => {
    const key = randomUUID();
    let files: OfferedFile[] = [{ stat: statOf('d', { mode: symlink, linkname: daemon.root }) }];
    const methods = fileSync((name) => (name === 'dockerfile' ? dockerfile : files));
    const first = await openSession(daemon.socket, methods, key);
    await solve(first.id);
    first.connection.destroy();
    files = [
      { stat: statOf('d', { mode: directory }) },
      { stat: statOf('d/outside', { size: 1 }), content: 'x' },
    ];
    const second = await openSession(daemon.socket, methods, key);
    await solve(second.id);
    second.connection.destroy();
    assert.equal(existsSync(join(daemon.root, 'outside')), false);
  });

  test('content that nobody asked for, and a listing without an end, end the build and no more', async () => {
    const unasked: GrpcMethods = {
      '/moby.filesync.v1.FileSync/DiffCopy': async ({ send }) => {
        const { Packet } = await import('../../src/wire/buildkit/session-messages.ts');
        await send(Packet.encode({ type: 2, id: 7, data: Buffer.from('x') }));
        await new Promise((resolve) => setTimeout(resolve, 50));
      },
    };
    const session = await openSession(daemon.socket, unasked);
    await assert.rejects(solve(session.id), /unexpected packet/);
    session.connection.destroy();
  });

  test('a session that vanishes in the midst ends its build', async () => {
    let begun = false;
    const hanging: GrpcMethods = {
      '/moby.filesync.v1.FileSync/DiffCopy': async ({ signal }) => {
        begun = true;
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
      },
    };
    const session = await openSession(daemon.socket, hanging);
    const ended = assert.rejects(solve(session.id), /client/);
    await until(() => begun);
    session.connection.destroy();
    await ended;
  });

  test('a session that does not come is waited for, but not for ever', async () => {
    const started = performance.now();
    await assert.rejects(solve('nobody'), /no active session for nobody/);
    assert.ok(performance.now() - started < 15_000);
  });

  test('two sessions of one ID, and one of none, are refused', async () => {
    const session = await openSession(daemon.socket, {});
    assert.equal(
      await upgrade(daemon.socket, '/session', { 'X-Docker-Expose-Session-Uuid': session.id }),
      409,
    );
    assert.equal(await upgrade(daemon.socket, '/session'), 400);
    session.connection.destroy();
  });

  test('what is no HTTP/2 ends its connection only', async () => {
    const socket = connect(daemon.socket);
    socket.write('POST /grpc HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n');
    await new Promise((resolve) => socket.once('data', resolve));
    socket.write(Buffer.alloc(4096, 0x41));
    socket.resume();
    await new Promise((resolve) => socket.once('close', resolve));
    assert.equal(await daemon.ping(), true);
  });

  test('a message that is none, and a method that is none, have statuses', async () => {
    await assert.rejects(client.unary('/none.None/None', Empty, Empty, {}, soon()), (error) =>
      isEngineError(error, 'not-implemented'),
    );
    const call = client.open(`${control}/Solve`, {}, soon());
    await call.send(Buffer.from('0a', 'hex'));
    call.end();
    await assert.rejects(call.messages.next(), (error) => isEngineError(error, 'invalid-argument'));
  });

  test('the worker tells that archives and several platforms are there', async () => {
    const { record } = await client.unary(`${control}/ListWorkers`, Empty, ListWorkersResponse, {}, soon());
    assert.equal(record[0]?.labels.get('org.mobyproject.buildkit.worker.snapshotter'), 'overlay');
    assert.equal(record[0]?.platforms[0]?.os, 'linux');
    const { buildkitVersion } = await client.unary(`${control}/Info`, Empty, InfoResponse, {}, soon());
    assert.match(buildkitVersion?.version ?? '', /^v\d/);
  });

  test('a client that leads its build asks for the checks, and chooses nothing', async () => {
    const text = 'FROM busybox AS Base\n';
    const files = [{ stat: statOf('Dockerfile', { size: text.length }), content: text }];
    const session = await openSession(
      daemon.socket,
      fileSync(() => files),
    );
    const ref = randomUUID();
    const ended = client.unary(
      `${control}/Solve`,
      SolveRequest,
      SolveResponse,
      { ref, session: session.id },
      soon(),
    );
    const headers = { 'buildkit-controlapi-buildid': ref };
    const work = { frontend: 'dockerfile.v0', frontendOpt: new Map([['requestid', 'frontend.lint']]) };
    const { result } = await client.unary(
      `${bridge}/Solve`,
      FrontendSolveRequest,
      FrontendSolveResponse,
      work,
      soon(),
      headers,
    );
    const found = JSON.parse(result?.metadata.get('result.json')?.toString() ?? '');
    assert.deepEqual(
      [found.warnings[0].ruleName, found.warnings[0].detail],
      ['StageNameCasing', "Stage name 'Base' should be lowercase"],
    );
    assert.equal(result?.metadata.get('result.statuscode')?.toString(), '1');
    await client.unary(`${bridge}/Return`, ReturnRequest, Empty, { result }, soon(), headers);
    assert.deepEqual([...(await ended).exporterResponse], []);
    session.connection.destroy();
  });

  test('graphs, unknown frontends and exporters are refused in words', async () => {
    const session = await openSession(
      daemon.socket,
      fileSync(() => dockerfile),
    );
    const ref = randomUUID();
    const ended = assert.rejects(
      client.unary(`${control}/Solve`, SolveRequest, SolveResponse, { ref, session: session.id }, soon()),
      /stopped/,
    );
    const headers = { 'buildkit-controlapi-buildid': ref };
    const ask = (work: { frontend: string }): Promise<unknown> =>
      client.unary(`${bridge}/Solve`, FrontendSolveRequest, FrontendSolveResponse, work, soon(), headers);
    await assert.rejects(ask({ frontend: '' }), /a graph of its own can't be built/);
    await assert.rejects(ask({ frontend: 'other.v0' }), /the frontend other.v0 can't be built/);
    const error = { code: 2, message: 'stopped', details: [] };
    await client.unary(`${bridge}/Return`, ReturnRequest, Empty, { error }, soon(), headers);
    await ended;
    const exporters = [{ type: 'carrier-pigeon', attrs: new Map() }];
    const strange = { ref: randomUUID(), session: session.id, frontend: 'dockerfile.v0', exporters };
    await assert.rejects(
      client.unary(`${control}/Solve`, SolveRequest, SolveResponse, strange, soon()),
      /exporter "carrier-pigeon" could not be found/,
    );
    session.connection.destroy();
  });

  test('the progress of a build is told from its beginning, and ends with it', async () => {
    const session = await openSession(
      daemon.socket,
      fileSync(() => dockerfile),
    );
    const ref = randomUUID();
    const status = client.open(`${control}/Status`, {}, soon());
    await status.send(StatusRequest.encode({ ref }));
    status.end();
    const request = { ref, session: session.id, frontend: 'dockerfile.v0' };
    await client.unary(`${control}/Solve`, SolveRequest, SolveResponse, request, soon());
    const names = new Set<string>();
    for await (const message of status.messages) {
      for (const { name } of StatusResponse.decode(message).vertexes) names.add(name);
    }
    assert.ok(names.has('[2/2] COPY . /src/'), [...names].join('\n'));
    session.connection.destroy();
  });

  test('who asks for the progress of a build after its end is told all of it at once', async () => {
    const session = await openSession(
      daemon.socket,
      fileSync(() => dockerfile),
    );
    const ref = randomUUID();
    const request = { ref, session: session.id, frontend: 'dockerfile.v0' };
    await client.unary(`${control}/Solve`, SolveRequest, SolveResponse, request, soon());
    const status = client.open(`${control}/Status`, {}, soon());
    await status.send(StatusRequest.encode({ ref }));
    status.end();
    let vertexes = 0;
    for await (const message of status.messages) vertexes += StatusResponse.decode(message).vertexes.length;
    assert.ok(vertexes > 0);
    session.connection.destroy();
  });

  test('contexts of sessions that are over leave no half-written copy', async () => {
    const copies = join(daemon.dataRoot, 'build', 'contexts');
    for (const slot of readdirSync(copies))
      assert.deepEqual(readdirSync(join(copies, slot)).sort(), ['files', 'index']);
  });
});
