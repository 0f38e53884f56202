/** Hundreds of wrong requests: the right status and a helpful message for each, and a daemon that is as it was before. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { after, before, test } from 'node:test';
import { callApi } from '../support/api-client.ts';
import { TestDaemon } from '../support/daemon.ts';
import { loadSpec } from './spec.ts';
import { requestsByHand } from './wrong/by-hand.ts';
import { requestsFromSpec } from './wrong/from-spec.ts';
import { present, type WrongRequest } from './wrong/wrong-request.ts';

const spec = loadSpec();
const generated = requestsFromSpec(spec);
let daemon: TestDaemon;

before(async () => {
  daemon = await TestDaemon.start();
  const { idle, busy, paused, volume } = present;
  await daemon.ok(['volume', 'create', volume]);
  await daemon.ok(['create', '--name', idle, '-v', `${volume}:/data`, 'busybox', 'sleep', '1000']);
  for (const name of [busy, paused])
    await daemon.ok(['run', '-d', '--name', name, '--network', 'none', 'busybox', 'sleep', '1000']);
  await daemon.ok(['pause', paused]);
});
after(async () => {
  await daemon?.ok(['unpause', present.paused]).catch(() => {});
  await daemon?.close();
});

interface Answer {
  status: number;
  text: string;
  contentType: string;
}

function send(wrong: WrongRequest): Promise<Answer> {
  const { body } = wrong;
  const bytes =
    body === undefined || Buffer.isBuffer(body)
      ? body
      : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  const type: Record<string, string> =
    bytes === undefined ? {} : { 'content-type': 'application/json', 'content-length': `${bytes.length}` };
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        socketPath: daemon.socket,
        method: wrong.method,
        path: wrong.path,
        headers: { ...type, ...wrong.headers },
        agent: false,
        timeout: 10_000,
      },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('error', reject).on('end', () =>
          resolve({
            status: incoming.statusCode ?? 0,
            text: Buffer.concat(chunks).toString(),
            contentType: incoming.headers['content-type'] ?? '',
          }),
        );
      },
    );
    outgoing.on('error', reject);
    outgoing.on('timeout', () => outgoing.destroy(new Error('no answer within 10 s')));
    outgoing.end(bytes);
  });
}

function nameOf({ method, path, body }: WrongRequest): string {
  const text = body === undefined ? '' : ` ${typeof body === 'string' ? body : JSON.stringify(body)}`;
  return `${method} ${path}${text}`.slice(0, 160);
}

/** What is wrong with an answer, or undefined. */
function complaint(wrong: WrongRequest, { status, text, contentType }: Answer): string | undefined {
  const told = `${nameOf(wrong)} → ${status} ${text.trim().slice(0, 200)}`;
  if (status !== wrong.status) return `${told} (not ${wrong.status})`;
  if (contentType !== 'application/json') return `${told} (as ${contentType})`;
  const document: unknown = JSON.parse(text);
  if (typeof document !== 'object' || document === null || Object.keys(document).join() !== 'message')
    return `${told} (not just a message)`;
  const message = String(Reflect.get(document, 'message'));
  if (message.length < 10 || /undefined|\[object|\bat .*\.ts:/.test(message)) return `${told} (of no help)`;
  return wrong.says.test(message) ? undefined : `${told} (does not say ${wrong.says})`;
}

/** Sends all, one after the other. Returns complaints, and how many were refused as they must be. */
async function sendAll(wrongs: readonly WrongRequest[]): Promise<{ complaints: string[]; refused: number }> {
  const complaints: string[] = [];
  let refused = 0;
  for (const wrong of wrongs) {
    const answer = await send(wrong).catch((error: unknown) => String(error));
    if (typeof answer === 'string') {
      complaints.push(`${nameOf(wrong)} → ${answer}`);
      continue;
    }
    /* What is not built yet is no answer to judge. */
    if (answer.status === 501) continue;
    const found = complaint(wrong, answer);
    if (found === undefined) refused += 1;
    else complaints.push(found);
  }
  return { complaints, refused };
}

async function state(): Promise<unknown> {
  const get = async (path: string) => (await callApi(daemon.socket, 'GET', path)).json;
  const containers = await get('/containers/json?all=1');
  return {
    containers: containers.map(({ Status: _, ...one }: { Status: string }) => one),
    images: await get('/images/json?all=1'),
    volumes: await get('/volumes'),
    networks: await get('/networks'),
  };
}

function residentMegabytes(): number {
  const status = readFileSync(`/proc/${daemon.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
}

test('wrong requests made from the specification are refused, and change nothing', {
  timeout: 60_000,
}, async () => {
  const unchanged = await state();
  const { complaints, refused } = await sendAll(generated);
  assert.deepEqual(complaints, []);
  assert.ok(refused >= 200, `only ${refused} were refused`);
  assert.deepEqual(await state(), unchanged);
});

test('wrong requests written by hand are refused, and change nothing', { timeout: 60_000 }, async () => {
  const unchanged = await state();
  const { complaints, refused } = await sendAll(requestsByHand);
  assert.deepEqual(complaints, []);
  assert.ok(refused >= 100, `only ${refused} were refused`);
  assert.deepEqual(await state(), unchanged);
});

test('a thousand wrong requests leave no memory behind', { timeout: 90_000 }, async () => {
  const small = [...generated, ...requestsByHand].filter(
    ({ body }) => typeof body !== 'string' || body.length < 100_000,
  );
  await sendAll(small);
  const before = residentMegabytes();
  for (let sent = 0; sent < 1000; sent += small.length) await sendAll(small);
  const grown = residentMegabytes() - before;
  assert.ok(grown < 40, `the daemon grew by ${grown.toFixed(1)} MB`);
});
