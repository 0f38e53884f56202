/** The registry's commands other than `serve`. */
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { hash } from 'bcryptjs';
import { EngineError } from '../errors/engine-error.ts';
import { loadConfiguration } from '../registry/config/load-config.ts';
import type { RegistryConfig } from '../registry/config/registry-config.ts';
import { type CollectCommand, collectByServer } from '../registry/program/admin-socket.ts';
import type { CollectReport } from '../registry/registry-types.ts';
import { openStorage } from './registry-storage.ts';

/** Prints what the configuration says that means nothing, then that it is good; throws where it is not. */
export function checkConfiguration(path: string | undefined): void {
  const { warnings } = loadConfiguration(path, process.env);
  for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`);
  process.stdout.write('configuration OK\n');
}

export interface GarbageCollectOptions extends CollectCommand {
  quiet: boolean;
}

/** The registry that runs on the directory does it, while it serves; without one it is done here. */
export async function garbageCollect(
  path: string | undefined,
  { quiet, ...command }: GarbageCollectOptions,
): Promise<void> {
  const { config } = loadConfiguration(path, process.env);
  const report = (await collectLive(config, command)) ?? (await collectHere(config, command));
  if (!quiet) process.stdout.write(`${inWords(report, command.dryRun)}\n`);
}

async function collectLive(
  { storage }: RegistryConfig,
  command: CollectCommand,
): Promise<CollectReport | undefined> {
  if (storage.kind !== 'filesystem') return undefined;
  if (storage.temporary) {
    throw new EngineError('failed-precondition', 'an inmemory storage is collected by its own registry only');
  }
  return await collectByServer(storage.directory, command);
}

/** In a directory that nobody else has open no push is under way; other registries may serve the same bucket, so there the grace period holds. */
async function collectHere(config: RegistryConfig, command: CollectCommand): Promise<CollectReport> {
  const opened = await openStorage(config, {
    warn: (text: string) => void process.stderr.write(`${text}\n`),
  });
  const { grace, uploadGrace } = config.collect;
  try {
    return await opened.storage.collect({
      ...command,
      grace: config.storage.kind === 'filesystem' ? 0 : grace,
      uploadGrace,
    });
  } finally {
    await opened.close();
  }
}

function inWords({ blobs, manifests, uploads, freed }: CollectReport, dryRun: boolean): string {
  const megabytes = (freed / 1e6).toFixed(1);
  const what = `${manifests} manifests, ${blobs} blobs and ${uploads} uploads`;
  return dryRun
    ? `${what} would be deleted, ${megabytes} MB freed`
    : `${what} deleted, ${megabytes} MB freed`;
}

/** bcrypt looks at no more than so many bytes. */
const passwordLimit = 72;

export async function hashPassword(user: string): Promise<void> {
  if (user === '' || /[:\s]/.test(user))
    throw new EngineError(
      'invalid-argument',
      `${JSON.stringify(user)} cannot be a user: it is empty, or holds a colon or a space`,
    );
  const password = process.stdin.isTTY
    ? await ask(`Password for ${user}: `)
    : (await text(process.stdin)).replace(/\r?\n$/, '');
  if (password === '') throw new EngineError('invalid-argument', 'the password is empty');
  if (Buffer.byteLength(password) > passwordLimit)
    throw new EngineError(
      'invalid-argument',
      `the password has more than ${passwordLimit} bytes: bcrypt would not look at the rest`,
    );
  process.stdout.write(`${user}:${await hash(password, 10)}\n`);
}

/** Asks at the terminal without an echo. */
async function ask(prompt: string): Promise<string> {
  process.stderr.write(prompt);
  process.stdin.setRawMode(true);
  const lines = createInterface({ input: process.stdin, terminal: false });
  try {
    return await new Promise<string>((resolve, reject) => {
      lines.once('line', resolve);
      lines.once('close', () => reject(new EngineError('cancelled', 'no password was given')));
    });
  } finally {
    process.stdin.setRawMode(false);
    lines.close();
    process.stderr.write('\n');
  }
}
