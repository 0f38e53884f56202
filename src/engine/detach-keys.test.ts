/** The keys that detach a terminal. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isEngineError } from '../errors/engine-error.ts';
import { DetachFilter, parseDetachKeys } from './detach-keys.ts';

async function run(
  keys: string | undefined,
  chunks: readonly string[],
): Promise<{ passed: string; detached: number }> {
  let detached = 0;
  const filter = new DetachFilter(parseDetachKeys(keys), () => {
    detached += 1;
  });
  const passed: Buffer[] = [];
  filter.on('data', (data: Buffer) => passed.push(data));
  const ended = new Promise<void>((resolve) => filter.once('end', resolve));
  for (const chunk of chunks) filter.write(Buffer.from(chunk, 'latin1'));
  filter.end();
  await ended;
  return { passed: Buffer.concat(passed).toString('latin1'), detached };
}

test('sequences are parsed as Docker writes them', () => {
  assert.deepEqual(parseDetachKeys(undefined), [16, 17]);
  assert.deepEqual(parseDetachKeys(''), [16, 17]);
  assert.deepEqual(parseDetachKeys('ctrl-a,b'), [1, 98]);
  assert.deepEqual(parseDetachKeys('ctrl-@,ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-_'), [0, 27, 28, 29, 30, 31]);
  for (const bad of ['ctrl-', 'ctrl-1', 'ab', 'a,,b', 'ä']) {
    assert.throws(
      () => parseDetachKeys(bad),
      (error: unknown) => isEngineError(error, 'invalid-argument'),
      bad,
    );
  }
});

test('the sequence detaches once, also in pieces, and is not passed on', async () => {
  assert.deepEqual(await run(undefined, ['ls\n\x10\x11more']), { passed: 'ls\n', detached: 1 });
  assert.deepEqual(await run(undefined, ['ls\n\x10', '\x11', 'x\x10\x11']), { passed: 'ls\n', detached: 1 });
});

test('what only begins like the sequence passes whole', async () => {
  assert.deepEqual(await run(undefined, ['a\x10', 'b']), { passed: 'a\x10b', detached: 0 });
  assert.deepEqual(await run(undefined, ['a\x10']), { passed: 'a\x10', detached: 0 });
  assert.deepEqual(await run(undefined, ['\x10\x10\x11']), { passed: '\x10', detached: 1 });
});

test('any input without the sequence passes unchanged, however it is cut', async () => {
  const bytes = fc.array(fc.constantFrom('a', 'b', '\x10', '\x01'), { maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(fc.array(bytes, { maxLength: 5 }), async (pieces) => {
      const chunks = pieces.map((piece) => piece.join('')).filter((chunk) => chunk !== '');
      const { passed, detached } = await run('ctrl-p,ctrl-q', chunks);
      assert.equal(passed, chunks.join(''));
      assert.equal(detached, 0);
    }),
    { numRuns: 200 },
  );
});
