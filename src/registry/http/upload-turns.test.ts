/** One request at a time has an upload. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { isEngineError } from '../../errors/engine-error.ts';
import { digestOf } from '../../oci/digest.ts';
import type { RegistryStorage } from '../registry-types.ts';
import { openLocalStorage } from '../storage/open-local-storage.ts';
import { UploadTurns } from './upload-turns.ts';

let storage: RegistryStorage;
let directory = '';
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gantry-turns-'));
  storage = await openLocalStorage(directory);
});
after(async () => {
  await storage.close();
  await rm(directory, { recursive: true, force: true });
});

const stays = { destroy: (): void => undefined };

test('the next request gets its turn once the first is done', async () => {
  const turns = new UploadTurns(storage, 2000);
  const first = await turns.begin('a', stays);
  await first.write(Buffer.from('ab'));
  const waiting = turns.resume('a', first.id, stays);
  await first.suspend();
  const second = await waiting;
  assert.equal(second.offset, 2);
  await second.write(Buffer.from('c'));
  await second.commit(digestOf('abc'));
  await assert.rejects(turns.resume('a', second.id, stays), (error) => isEngineError(error, 'not-found'));
});

test('a client that has gone silent loses its turn, and what it sent is kept', async () => {
  const turns = new UploadTurns(storage, 50);
  let interrupted = 0;
  const first = await turns.begin('a', {
    destroy: () => {
      interrupted += 1;
      void first.suspend();
    },
  });
  await first.write(Buffer.from('kept'));
  const second = await turns.resume('a', first.id, stays);
  assert.equal(interrupted, 1);
  assert.equal(second.offset, 4);
  await second.cancel();
});

test('a client that goes on sending keeps its turn: the other is told of the conflict', async () => {
  const turns = new UploadTurns(storage, 100);
  const first = await turns.begin('a', { destroy: () => assert.fail('it must not be interrupted') });
  const sending = setInterval(() => void first.write(Buffer.from('x')), 10);
  try {
    await assert.rejects(turns.resume('a', first.id, stays), (error) => isEngineError(error, 'conflict'));
  } finally {
    clearInterval(sending);
    await first.cancel();
  }
});
