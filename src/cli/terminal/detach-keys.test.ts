/** The keys that detach are found in what is typed, and nothing else is lost. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DetachKeyFilter, parseDetachKeys } from './detach-keys.ts';

test('keys by name', () => {
  assert.deepEqual(parseDetachKeys('ctrl-p,ctrl-q'), [16, 17]);
  assert.deepEqual(parseDetachKeys('a,ctrl-\\,ctrl-@'), [97, 28, 0]);
  for (const text of ['', 'ctrl-', 'ctrl-1', 'xyz', 'a,,b']) assert.throws(() => parseDetachKeys(text), text);
});

function push(filter: DetachKeyFilter, text: string): [string, boolean] {
  const { data, detached } = filter.push(Buffer.from(text));
  return [Buffer.from(data).toString(), detached];
}

test('the sequence detaches, across reads and within one', () => {
  const filter = new DetachKeyFilter([16, 17]);
  assert.deepEqual(push(filter, 'ab\x10'), ['ab', false]);
  assert.deepEqual(push(filter, '\x11more'), ['', true]);
  assert.deepEqual(push(new DetachKeyFilter([16, 17]), 'x\x10\x11y'), ['x', true]);
});

test('a beginning that leads nowhere is sent after all', () => {
  const filter = new DetachKeyFilter([16, 17]);
  assert.deepEqual(push(filter, '\x10'), ['', false]);
  assert.deepEqual(push(filter, 'a'), ['\x10a', false]);
  assert.deepEqual(push(filter, '\x10\x10'), ['\x10', false]);
  assert.deepEqual(push(filter, '\x11'), ['', true]);
});

test('no byte is lost or changed where nobody detaches', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 6, max: 20 }), { maxLength: 8 }), (chunks) => {
      const filter = new DetachKeyFilter([16, 17]);
      const sent: number[] = [];
      for (const chunk of chunks) {
        const { data, detached } = filter.push(chunk);
        sent.push(...data);
        if (detached) return;
      }
      const all = chunks.flatMap((chunk) => [...chunk]);
      const held = all.slice(sent.length);
      assert.deepEqual(sent, all.slice(0, sent.length));
      assert.ok(held.length === 0 || (held.length === 1 && held[0] === 16));
    }),
  );
});
