/** A real S3-compatible server (moto, which speaks Amazon's API) on loopback for one test file, in a virtual environment kept between runs. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import type { S3StorageOptions } from '../../src/registry/s3/s3-options.ts';
import { runProgram } from './daemon.ts';
import { freePort } from './registry.ts';

export interface TestS3 {
  url: string;
  /** A new bucket, as options of a storage. */
  bucket(): Promise<S3StorageOptions>;
  stop(): Promise<void>;
}

const directory = join(tmpdir(), 'gantry-test-s3');
const python = join(directory, 'bin/python3');
const probe = 'import moto.server, flask';

/** Why there is no S3 server here, or undefined where there is one. Installs it where it is missing. */
export async function whyNoS3(): Promise<string | undefined> {
  if (existsSync(python) && (await runProgram([python, '-c', probe])).code === 0) return undefined;
  const made = await runProgram(['python3', '-m', 'venv', directory]);
  if (made.code !== 0) return `python3 -m venv failed (Debian: apt-get install python3-venv): ${made.stderr}`;
  const installed = await runProgram([python, '-m', 'pip', 'install', '--quiet', 'moto[server]>=5.1,<6'], {
    timeout: 180_000,
  });
  return installed.code === 0 ? undefined : `pip could not install moto[server]: ${installed.stderr}`;
}

async function untilListening(url: string, child: ChildProcess): Promise<void> {
  for (let waited = 0; waited < 20_000; waited += 50) {
    if (child.exitCode !== null) throw new Error(`the S3 server ended with status ${child.exitCode}`);
    try {
      await fetch(url);
      return;
    } catch {
      await sleep(50);
    }
  }
  throw new Error(`the S3 server did not answer on ${url} within 20 s`);
}

export async function startS3(): Promise<TestS3> {
  const port = await freePort();
  const child = spawn(python, ['-m', 'moto.server', '-H', '127.0.0.1', '-p', String(port)], {
    stdio: 'ignore',
  });
  const url = `http://127.0.0.1:${port}`;
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const client = new S3Client({ region: 'us-east-1', endpoint: url, credentials, forcePathStyle: true });
  const stop = async (): Promise<void> => {
    client.destroy();
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  try {
    await untilListening(url, child);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url,
    bucket: async () => {
      const bucket = `bucket-${crypto.randomUUID()}`;
      await client.send(new CreateBucketCommand({ Bucket: bucket }));
      return { bucket, region: 'us-east-1', endpoint: url, accessKey: 'test', secretKey: 'test' };
    },
    stop,
  };
}
