// biome-ignore-all lint/suspicious/noTemplateCurlyInString: such texts are what is tested
/** Which stages there are, from what they are made, and which of them a target needs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DockerfileError } from './errors.ts';
import { globalScope } from './global-scope.ts';
import { parseDockerfile } from './parse.ts';
import type { StagePlan } from './stage-plan.ts';
import { resolveStages, type StageOptions, withTriggers } from './stages.ts';

const amd64 = { os: 'linux', architecture: 'amd64' };

function planOf(text: string, options: StageOptions & { args?: Record<string, string> } = {}): StagePlan {
  const file = parseDockerfile(text);
  const buildArgs = new Map(Object.entries(options.args ?? {}));
  const scope = globalScope(file, { buildPlatform: amd64, targetPlatform: amd64, buildArgs });
  return resolveStages(file, scope, options);
}

const ten = `FROM base AS a
FROM a AS b
FROM alpine AS c
COPY --from=b /x /x
FROM scratch AS d
COPY --from=0 /x /x
FROM base AS unused
RUN exit 1
FROM c
RUN --mount=type=bind,from=d,target=/d --mount=type=cache,target=/c x
`;

test('a target needs what it stands on, copies from and mounts, and nothing else', () => {
  assert.deepEqual(planOf(ten).needed, [0, 1, 2, 3, 5]);
  assert.deepEqual(planOf(ten, { target: 'd' }).needed, [0, 3]);
  assert.deepEqual(planOf(ten, { target: 'B' }).needed, [0, 1]);
  assert.deepEqual(planOf(ten, { target: '2' }).needed, [0, 1, 2]);
});

test('what each is made from', () => {
  const { stages } = planOf(ten);
  assert.deepEqual(
    stages.map(({ label, base }) => [label, base]),
    [
      ['a', { kind: 'image', reference: 'base' }],
      ['b', { kind: 'stage', index: 0 }],
      ['c', { kind: 'image', reference: 'alpine' }],
      ['d', { kind: 'scratch' }],
      ['unused', { kind: 'image', reference: 'base' }],
      ['stage-5', { kind: 'stage', index: 2 }],
    ],
  );
  const run = stages[5]?.instructions[0];
  assert.ok(run !== undefined);
  assert.deepEqual(stages[5]?.sources.get(run), [{ kind: 'stage', index: 3 }, undefined]);
});

test('names know no case, and the latest of one name above counts', () => {
  const { stages } = planOf('FROM x AS A\nFROM y AS a\nFROM A\nCOPY --from=A b c');
  assert.deepEqual(stages[2]?.base, { kind: 'stage', index: 1 });
  assert.deepEqual([...(stages[2]?.sources.values() ?? [])], [[{ kind: 'stage', index: 1 }]]);
});

test('a stage can have the name of the image it stands on', () => {
  const { stages } = planOf('FROM alpine AS alpine\nFROM alpine');
  assert.deepEqual(
    stages.map((stage) => stage.base.kind),
    ['image', 'stage'],
  );
});

test('FROM with variables and a platform', () => {
  const text =
    'ARG TAG=1\nFROM --platform=$BUILDPLATFORM img:$TAG AS a\nFROM --platform=linux/arm/v7 img:${TAG:+x}';
  const { stages } = planOf(text, { args: { TAG: '2' } });
  assert.deepEqual(stages[0]?.base, { kind: 'image', reference: 'img:2' });
  assert.deepEqual(stages[0]?.platform, amd64);
  assert.deepEqual(stages[1]?.base, { kind: 'image', reference: 'img:x' });
  assert.deepEqual(stages[1]?.platform, { os: 'linux', architecture: 'arm', variant: 'v7' });
});

test('COPY --from an image, a context, or what is called scratch', () => {
  const hasContext = (name: string): boolean => name === 'src' || name === 'alpine';
  const text =
    'FROM docker.io/library/alpine:latest\nCOPY --from=src a b\nCOPY --from=busybox:1 a b\nCOPY a b';
  const { stages } = planOf(text, { hasContext });
  assert.deepEqual(stages[0]?.base, { kind: 'context', name: 'alpine' });
  assert.deepEqual([...(stages[0]?.sources.values() ?? [])].flat(), [
    { kind: 'context', name: 'src' },
    { kind: 'image', reference: 'busybox:1' },
  ]);
});

test('a context with the name of a stage stands in for it', () => {
  const { stages } = planOf('FROM a AS x\nRUN exit 1\nFROM x\nRUN y', { hasContext: (name) => name === 'x' });
  assert.deepEqual(stages[0]?.base, { kind: 'context', name: 'x' });
  assert.deepEqual(stages[0]?.instructions, []);
  assert.deepEqual(stages[1]?.base, { kind: 'stage', index: 0 });
});

test('ONBUILD of a stage below comes first, and is not handed on', () => {
  const { stages, needed } = planOf(
    'FROM x AS src\nFROM y AS a\nONBUILD COPY --from=src s t\nFROM a AS b\nRUN r\nFROM b',
  );
  assert.deepEqual(
    stages.map((stage) => stage.instructions.map((one) => one.text)),
    [[], ['ONBUILD COPY --from=src s t'], ['COPY --from=src s t', 'RUN r'], []],
  );
  assert.equal(stages[2]?.triggers[0]?.range.start.line, 4);
  assert.deepEqual(needed, [0, 1, 2, 3]);
});

test('ONBUILD of an image is added once its config is known', () => {
  const plan = planOf('FROM x AS src\nFROM y\nRUN r');
  assert.deepEqual(plan.needed, [1]);
  const grown = withTriggers(plan, 1, ['COPY --from=src a b', 'RUN <<E\nz\nE']);
  assert.deepEqual(grown.needed, [0, 1]);
  assert.deepEqual(
    grown.stages[1]?.instructions.map((one) => one.kind),
    ['copy', 'run', 'run'],
  );
  assert.equal(plan.stages[1]?.instructions.length, 1);
  assert.throws(() => withTriggers(plan, 1, ['RUNN a']), {
    message: /^ONBUILD RUNN a: .*unknown instruction: RUNN/,
  });
});

const failures: Array<[text: string, message: string, line: number | undefined, options?: StageOptions]> = [
  [
    'FROM a AS one',
    'target stage "onw" could not be found (did you mean one?)',
    undefined,
    { target: 'onw' },
  ],
  ['FROM a', 'target stage "1" could not be found', undefined, { target: '1' }],
  ['ARG T\nFROM $T', 'base name ($T) should not be blank', 2],
  ['FROM a AS base\nFROM Bass', 'failed to parse stage name "Bass": invalid reference format', 2],
  ['FROM --platform=$NOPE a', 'empty platform value from expression $NOPE', 1],
  ['FROM --platform=a/b/c/d a', 'failed to parse platform a/b/c/d: ', 1],
  ['FROM a\nCOPY --from=$X a b', 'variable expansion is not supported for --from', 2],
  ['FROM a\nCOPY --from=3 a b', 'invalid stage index 3', 2],
  ['FROM a\nCOPY --from=-1 a b', 'invalid stage index -1', 2],
  ['FROM a AS x\nCOPY --from=x a b', 'circular dependency detected on stage: x', 2],
  ['FROM a\nCOPY --from=0 a b', 'circular dependency detected on stage: stage-0', 2],
  [
    'FROM a AS x\nCOPY --from=y a b\nFROM b AS y\nCOPY --from=x a b',
    'circular dependency detected on stage: y',
    4,
  ],
  ['FROM a AS x\nRUN --mount=from=x,target=/x y', 'circular dependency detected on stage: x', 2],
  [
    'FROM a AS x\nCOPY --from=y a b\nFROM b AS y',
    'cannot copy from stage "y", it needs to be defined before current stage "x"',
    2,
    { target: 'x' },
  ],
  [
    'FROM a AS x\nRUN --mount=from=y,target=/y z\nFROM b AS y',
    'cannot mount from stage "y", stage needs to be defined before current command',
    2,
    { target: 'x' },
  ],
];

for (const [text, message, line, options] of failures) {
  test(`refuses ${text.replace(/\n/g, '⏎')}`, () => {
    assert.throws(
      () => planOf(text, options),
      (error) => {
        assert.ok(error instanceof DockerfileError);
        assert.ok(error.message.startsWith(message), error.message);
        assert.equal(error.details['line'], line);
        return true;
      },
    );
  });
}

test('what a target does not need may come too late', () => {
  const text = 'FROM a AS x\nCOPY --from=y a b\nFROM b AS y';
  assert.deepEqual(planOf(text, { target: 'y' }).needed, [1]);
  assert.throws(() => planOf(text, { target: 'y', checkEvery: true }), { message: /cannot copy from stage/ });
});

test('a thousand stages, one on the other', () => {
  const text = Array.from(
    { length: 1000 },
    (_, index) => `FROM ${index === 0 ? 'a' : `s${index - 1}`} AS s${index}`,
  );
  assert.equal(planOf(text.join('\n')).needed.length, 1000);
});
