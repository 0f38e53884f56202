/** Markers of layers that are not durable yet. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { EngineError } from '../errors/engine-error.ts';
import { SharedSync } from './shared-sync.ts';
import { currentBoot, UnsettledLayers } from './unsettled-layers.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'gantry-unsettled-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

/** What `sync -f` answers: status 0, or the given one. */
function syncs(statuses: number[]): SharedSync {
  const run = (): Promise<{
    exitCode: number;
    signal: null;
    timedOut: boolean;
    stdout: Buffer;
    stderr: Buffer;
  }> => {
    const exitCode = statuses.shift();
    if (exitCode === undefined) throw new EngineError('internal', 'one sync too many');
    return Promise.resolve({
      exitCode,
      signal: null,
      timedOut: false,
      stdout: Buffer.alloc(0),
      stderr: Buffer.alloc(0),
    });
  };
  return new SharedSync({ run }, directory);
}

const marker = (): string => join(directory, 'unsettled');

test('a layer is lost once the host has booted again, and not before', async () => {
  const layers = new UnsettledLayers(syncs([]));
  assert.ok(!layers.isLost(directory));
  await layers.mark(directory);
  assert.ok(layers.isMarked(directory) && !layers.isLost(directory));
  assert.ok(new UnsettledLayers(syncs([]), 'another boot').isLost(directory));
  // What a power cut may leave of a file that was never synced.
  writeFileSync(marker(), '');
  assert.ok(layers.isLost(directory));
  assert.match(currentBoot(), /^[0-9a-f-]{36}$/);
});

test('a synced layer has no marker, one that could not be synced keeps it', async () => {
  const layers = new UnsettledLayers(syncs([1, 0]));
  await layers.mark(directory);
  layers.settle(directory);
  await layers.close();
  assert.ok(existsSync(marker()));
  await layers.close();
  assert.ok(!existsSync(marker()));
});

test('a layer that was removed meanwhile does not keep the others unsettled', async () => {
  const layers = new UnsettledLayers(syncs([0]));
  await layers.mark(directory);
  layers.settle(join(directory, 'gone'));
  layers.settle(directory);
  await layers.close();
  assert.ok(!existsSync(marker()));
});
