/** The one thing that JSON.stringify would get wrong in a runtime configuration. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeRuntimeSpec } from './runtime-spec.ts';

test('infinite limits are written as the largest 64-bit number, text that looks like them stays', () => {
  const json = encodeRuntimeSpec({
    terminal: false,
    user: { uid: 0, gid: 0 },
    args: ['"soft":"limit:infinite"', 'limit:infinite'],
    env: [],
    cwd: '/',
    capabilities: { bounding: [], effective: [], permitted: [] },
    rlimits: [{ type: 'RLIMIT_CORE', soft: 5, hard: Number.POSITIVE_INFINITY }],
    noNewPrivileges: false,
  });
  assert.ok(json.includes('"soft":5,"hard":18446744073709551615}'), json);
  assert.deepEqual(JSON.parse(json).args, ['"soft":"limit:infinite"', 'limit:infinite']);
});
