/** The registry's throughput beside Debian's docker-registry: requests per second of two clients at once, each over one connection. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

export interface RegistryWork {
  name: string;
  work: 'get-blob' | 'put-blob' | 'get-manifest' | 'put-manifest';
}

export const registryWorks: readonly RegistryWork[] = [
  { name: 'registry: GET of 1 MB blobs', work: 'get-blob' },
  { name: 'registry: upload of 1 MB blobs', work: 'put-blob' },
  { name: 'registry: GET of manifests', work: 'get-manifest' },
  { name: 'registry: PUT of manifests', work: 'put-manifest' },
];

const programs: Record<'gantry' | 'dockerd', string[]> = {
  gantry: ['bin/gantry-registry', 'serve'],
  dockerd: ['/usr/bin/docker-registry', 'serve'],
};
const clients = 2;
const seconds = 4;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function untilListening(port: number, child: ChildProcess): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    if (child.exitCode !== null) break;
    try {
      await fetch(`http://127.0.0.1:${port}/v2/`);
      return;
    } catch {
      await sleep(50);
    }
  }
  throw new Error('the registry does not answer');
}

/** Requests per second of all clients together. `whose` is the engine whose registry it is: dockerd's is distribution. */
export async function registryThroughput(
  whose: 'gantry' | 'dockerd',
  work: RegistryWork['work'],
): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), 'gantry-bench-registry-'));
  mkdirSync(join(directory, 'data'));
  const port = await freePort();
  const config = join(directory, 'config.yml');
  writeFileSync(
    config,
    `version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\nstorage: {filesystem: {rootdirectory: ${directory}/data}}\nhttp: {addr: "127.0.0.1:${port}"}\n`,
  );
  const [program = '', ...args] = programs[whose];
  const child = spawn(program, [...args, config], {
    stdio: 'ignore',
    env: { ...process.env, OTEL_TRACES_EXPORTER: 'none' },
  });
  try {
    await untilListening(port, child);
    const runs = Array.from({ length: clients }, (_, index) =>
      promisify(execFile)(process.execPath, [
        join(import.meta.dirname, 'registry-client.ts'),
        String(port),
        work,
        String(seconds),
        `client${index}`,
      ]),
    );
    const outputs = await Promise.all(runs);
    return outputs.reduce((sum, { stdout }) => sum + Number(stdout), 0);
  } finally {
    if (child.exitCode === null) {
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    }
    rmSync(directory, { recursive: true, force: true });
  }
}
