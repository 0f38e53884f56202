/** The validator itself: each kind of problem is found where it is, and a right answer has none. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isKnown } from './differences.ts';
import type { Spec } from './spec.ts';
import { validate } from './validate.ts';

const spec: Spec = {
  version: '1.51',
  paths: {},
  definitions: {
    Base: { type: 'object', required: ['Id'], properties: { Id: { type: 'string' } } },
    Thing: {
      allOf: [
        { $ref: '#/definitions/Base' },
        {
          type: 'object',
          properties: {
            Size: { type: 'integer', minimum: 0 },
            State: { type: 'string', enum: ['on', 'off'] },
            Parts: { type: 'array', items: { $ref: '#/definitions/Base' } },
            Labels: { type: 'object', 'x-nullable': true, additionalProperties: { type: 'string' } },
          },
        },
      ],
    },
  },
};

function problems(value: unknown): string[] {
  const found = validate(spec, { $ref: '#/definitions/Thing' }, value, 'answer');
  return found.map(({ kind, place }) => `${kind} ${place}`);
}

test('a right answer has no problems', () => {
  assert.deepEqual(problems({ Id: 'a', Size: 1, State: 'on', Parts: [{ Id: 'b' }], Labels: { a: 'b' } }), []);
  assert.deepEqual(problems({ Id: 'a', Labels: null }), []);
});

test('each kind of problem is found at its place', () => {
  assert.deepEqual(problems({}), ['missing Thing.Id']);
  assert.deepEqual(problems([]), ['type answer']);
  assert.deepEqual(problems({ Id: 7 }), ['type Thing.Id']);
  assert.deepEqual(problems({ Id: null }), ['null Thing.Id']);
  assert.deepEqual(problems({ Id: 'a', Size: 1.5 }), ['type Thing.Size']);
  assert.deepEqual(problems({ Id: 'a', Size: -1 }), ['range Thing.Size']);
  assert.deepEqual(problems({ Id: 'a', State: 'broken' }), ['enum Thing.State']);
  assert.deepEqual(problems({ Id: 'a', Other: 1 }), ['unknown Thing.Other']);
  assert.deepEqual(problems({ Id: 'a', Parts: [{}] }), ['missing Base.Id']);
  assert.deepEqual(problems({ Id: 'a', Labels: { a: 7 } }), ['type Thing.Labels{}']);
});

test('a difference counts for its versions only', () => {
  const problem = { kind: 'unknown', place: 'ImageSummary.VirtualSize', found: '1' } as const;
  assert.notEqual(isKnown(problem, '1.41'), undefined);
  assert.equal(isKnown(problem, '1.44'), undefined);
  assert.equal(isKnown({ ...problem, kind: 'type' }, '1.41'), undefined);
});
