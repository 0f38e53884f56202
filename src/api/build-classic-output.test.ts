/** Steps that run side by side are printed one after the other, as Docker's classic builder would have run them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BuildEvent } from '../build/build-types.ts';
import { ClassicOutput } from './build-classic-output.ts';
import type { ClassicStep } from './build-steps.ts';

const work = (text: string, line: number, stage = 0): ClassicStep => ({
  text,
  stage,
  lines: [line, line],
  isWork: true,
  isSkipped: false,
});
const plain = (text: string, line: number, stage = 0): ClassicStep => ({
  ...work(text, line, stage),
  isWork: false,
});

function printing(steps: ClassicStep[]) {
  let text = '';
  const output = new ClassicOutput(
    steps,
    (message) => {
      text += message.stream ?? '';
    },
    () => 'sha256:abcdefabcdefabcdef',
  );
  return { output, text: () => text.replace(/\b[0-9a-f]{12}\b/g, 'ID') };
}

function vertex(
  line: number,
  change: Partial<Extract<BuildEvent, { kind: 'vertex' }>['vertex']> = {},
): BuildEvent {
  return {
    kind: 'vertex',
    vertex: {
      digest: `v${line}`,
      name: `[1/3] FROM busybox`,
      inputs: [],
      startedAt: 1,
      lines: [line, line],
      ...change,
    },
  };
}

function log(line: number, data: string, stream: 1 | 2 = 1): BuildEvent {
  return { kind: 'log', vertex: `v${line}`, stream, data: Buffer.from(data), at: 2 };
}

test('output of a later step waits for its turn', () => {
  const { output, text } = printing([
    work('FROM busybox', 1),
    work('RUN a', 2),
    work('RUN b', 3, 1),
    plain('CMD c', 4, 1),
  ]);
  for (const line of [1, 2, 3]) output.take(vertex(line));
  output.take(log(3, 'of b\n'));
  output.take(vertex(3, { completedAt: 3 }));
  assert.equal(text(), 'Step 1/4 : FROM busybox\n');
  output.take(vertex(1, { completedAt: 3 }));
  output.take(log(2, 'of a\n', 2));
  assert.equal(
    text(),
    'Step 1/4 : FROM busybox\n ---> ID\nStep 2/4 : RUN a\n ---> Running in ID\n\u001b[91mof a\n\u001b[0m',
  );
  output.take(vertex(2, { completedAt: 4 }));
  output.finish('sha256:abcdefabcdefabcdef');
  assert.match(
    text(),
    /of a\n.* ---> Removed intermediate container ID\n ---> ID\nStep 3\/4 : RUN b\n ---> Running in ID\nof b\n ---> Removed intermediate container ID\n ---> ID\nStep 4\/4 : CMD c\n ---> ID\n$/,
  );
});

test('cached steps, steps without work, steps that are not needed', () => {
  const skipped = { ...work('FROM other', 2, 1), isSkipped: true };
  const { output, text } = printing([
    work('FROM busybox', 1),
    skipped,
    plain('ENV a=b', 3),
    work('COPY a b', 4),
  ]);
  output.take(vertex(1, { completedAt: 2, isCached: true }));
  output.take(vertex(4, { completedAt: 2, isCached: true }));
  output.finish('sha256:0123456789abcdef');
  assert.equal(
    text(),
    'Step 1/4 : FROM busybox\n ---> ID\nStep 2/4 : FROM other\n ---> Skipped: the target does not need it\nStep 3/4 : ENV a=b\n ---> ID\nStep 4/4 : COPY a b\n ---> Using cache\n ---> ID\n',
  );
});

test('a failure stands under its step', () => {
  const { output, text } = printing([work('FROM busybox', 1), work('RUN a', 2), work('RUN b', 3)]);
  output.take(vertex(1, { completedAt: 2 }));
  output.take(vertex(2, { completedAt: 2, error: 'no' }));
  assert.equal(output.fail([2, 2])?.text, 'RUN a');
  assert.match(text(), /Step 2\/3 : RUN a\n$/);
});
