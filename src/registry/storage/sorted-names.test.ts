/** Lists and counts that are kept up to date: the same as if they were made anew each time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SortedNames } from './sorted-names.ts';
import { UsageMeter } from './usage-meter.ts';

const name = fc.stringMatching(/^[a-cA-C0-1._/-]{1,3}$/);

test('pages of names are those of the sorted list, whatever was added and removed', () => {
  const step = fc.record({ add: fc.boolean(), name, after: fc.option(name), limit: fc.nat({ max: 5 }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const names = new SortedNames();
      const model = new Set<string>();
      for (const { add, name: one, after, limit } of steps) {
        if (add) names.add(one);
        else names.delete(one);
        if (add) model.add(one);
        else model.delete(one);
        const expected = [...model].sort().filter((other) => after === null || other > after);
        const page = names.page({ limit, ...(after === null ? {} : { after }) });
        assert.deepEqual(page, expected.slice(0, limit));
        assert.equal(names.size, model.size);
      }
    }),
  );
});

test('bytes below a prefix are those of its blobs, each once, whatever came and went', () => {
  const repository = fc.constantFrom('a', 'a/b', 'a/b/c', 'ab', 'b');
  const prefix = fc.constantFrom('', 'a', 'a/b', 'b', 'absent');
  const digest = fc.constantFrom('1', '22', '333');
  const step = fc.record({ hold: fc.boolean(), repository, digest, prefix });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const meter = new UsageMeter((one) => one.length);
      const held: Array<readonly [string, string]> = [];
      for (const { hold, repository: where, digest: one, prefix: below } of steps) {
        const index = held.findIndex((pair) => pair[0] === where && pair[1] === one);
        if (hold) {
          held.push([where, one]);
          meter.hold(where, one);
        } else if (index !== -1) {
          held.splice(index, 1);
          meter.release(where, one);
        }
        const isBelow = (name: string): boolean => below === '' || `${name}/`.startsWith(`${below}/`);
        const counted = new Set(held.filter(([name]) => isBelow(name)).map(([, which]) => which));
        const expected = [...counted].reduce((sum, which) => sum + which.length, 0);
        assert.equal(
          meter.bytes(below, () => held),
          expected,
        );
      }
    }),
  );
});
