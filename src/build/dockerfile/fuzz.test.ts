// biome-ignore-all lint/suspicious/noTemplateCurlyInString: such texts are what is tested
/** Whatever the file: parsed or refused with a place, never anything else, and what was parsed is parsed the same again. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Dockerfile, Instruction, StageInstruction } from './ast.ts';
import { checkDockerfile } from './checks/check-dockerfile.ts';
import { DockerfileError } from './errors.ts';
import { executionOf } from './heredocs.ts';
import { parseDockerfile } from './parse.ts';

const amd64 = { os: 'linux', architecture: 'amd64' };

const keyword = fc.constantFrom(
  ...['FROM', 'RUN', 'CMD', 'LABEL', 'MAINTAINER', 'EXPOSE', 'ENV', 'ADD', 'COPY', 'ENTRYPOINT', 'VOLUME'],
  ...['USER', 'WORKDIR', 'ARG', 'ONBUILD', 'STOPSIGNAL', 'HEALTHCHECK', 'SHELL', 'run', 'RUNN', '#', ''],
);
const piece = fc.constantFrom(
  ...[
    'a',
    'AS',
    'b',
    '=',
    '$',
    '${',
    '}',
    '"',
    "'",
    '\\',
    '`',
    '[',
    ']',
    ',',
    '<<EOF',
    'EOF',
    '<<-X',
    ' ',
    '\t',
    '\\\n',
  ],
  ...[
    '\n',
    '\r\n',
    '--from=a',
    '--mount=type=cache,target=/a',
    '--platform=x',
    '--link',
    '--',
    '/',
    '..',
    ':',
    '80',
    'é',
    '\0',
    '#',
  ],
);
const line = fc
  .tuple(keyword, fc.array(piece, { maxLength: 8 }))
  .map(([word, rest]) => `${word} ${rest.join('')}`);
const shaped = fc
  .tuple(
    fc.constantFrom('', '# escape=`\n', '\ufeff', '# syntax=x\n# check=skip=all\n'),
    fc.array(line, { maxLength: 8 }),
  )
  .map(([head, lines]) => `${head}FROM a\n${lines.join('\n')}`);

function parsed(content: Uint8Array | string): Dockerfile | undefined {
  try {
    return parseDockerfile(content);
  } catch (error) {
    assert.ok(error instanceof DockerfileError, String(error));
    assert.equal(error.code, 'invalid-argument');
    assert.notEqual(error.message, '');
    return undefined;
  }
}

function instructionsOf(file: Dockerfile): Instruction[] {
  return file.stages.flatMap((stage): Instruction[] => [stage.from, ...stage.instructions]);
}

test('any bytes, and any text that is nearly a Dockerfile', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void parsed(bytes)));
  fc.assert(
    fc.property(shaped, (text) => void parsed(text)),
    { numRuns: 3000 },
  );
});

test('what was parsed can be checked and expanded: warnings, or one error with a place', () => {
  fc.assert(
    fc.property(shaped, (text) => {
      const file = parsed(text);
      if (file === undefined) return;
      const { error } = checkDockerfile(file, { buildPlatform: amd64, targetPlatform: amd64 });
      assert.ok(error === undefined || error instanceof DockerfileError, String(error));
    }),
    { numRuns: 2000 },
  );
});

test('ranges follow one another and lie within the file', () => {
  fc.assert(
    fc.property(shaped, (text) => {
      const file = parsed(text);
      if (file === undefined) return;
      let last = 0;
      for (const { range, original } of instructionsOf(file)) {
        assert.ok(range.start.line > last && range.end.line >= range.start.line);
        assert.ok(range.end.line <= file.lines.length);
        assert.equal(original, file.lines.slice(range.start.line - 1, range.end.line).join('\n'));
        last = range.end.line;
      }
    }),
    { numRuns: 2000 },
  );
});

/** All but where it stood. */
function meaning(instruction: Instruction): unknown {
  const { range: _range, original: _original, comments: _comments, ...rest } = instruction;
  return JSON.parse(JSON.stringify(rest, (key, value) => (key === 'description' ? undefined : value)));
}

test('each instruction, parsed again from its own lines, is the same', () => {
  fc.assert(
    fc.property(shaped, (text) => {
      const file = parsed(text.replaceAll('\r', ''));
      if (file === undefined) return;
      const head = `# escape=${file.directives.escape}\n`;
      for (const instruction of instructionsOf(file)) {
        const isFrom = instruction.kind === 'from';
        const again = parseDockerfile(`${head}${isFrom ? '' : 'FROM a\n'}${instruction.original}`);
        const found = isFrom ? again.stages[0]?.from : again.stages[0]?.instructions[0];
        assert.ok(found !== undefined);
        assert.deepEqual(meaning(found), meaning(instruction));
      }
    }),
    { numRuns: 1000 },
  );
});

const word = fc.stringMatching(/^[A-Za-z0-9_.@:/-]{1,12}$/).filter((text) => !text.startsWith('--'));
const anyText = fc.string({ unit: 'grapheme', maxLength: 20 }).filter((text) => !/[\n\r\0\ufeff]/.test(text));
const quotedText = anyText.map((text) => `"${text.replace(/["$\\]/g, '\\$&')}"`);

function only(text: string): StageInstruction {
  const found = parseDockerfile(`FROM a\n${text}\n`).stages[0]?.instructions;
  assert.equal(found?.length, 1);
  const [first] = found;
  assert.ok(first !== undefined);
  return first;
}

test('what is printed is what is parsed', () => {
  fc.assert(
    fc.property(fc.array(anyText, { minLength: 1, maxLength: 5 }), (args) => {
      const run = only(`RUN ${JSON.stringify(args)}`);
      assert.ok(run.kind === 'run');
      assert.deepEqual(executionOf(run.command), { kind: 'args', args });
    }),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(word, quotedText), { minLength: 1, maxLength: 4 }), (pairs) => {
      const env = only(`ENV ${pairs.map(([key, value]) => `${key}=${value}`).join(' ')}`);
      assert.ok(env.kind === 'env');
      assert.deepEqual(
        env.variables,
        pairs.map(([key, value]) => ({ key, value })),
      );
    }),
  );
  fc.assert(
    fc.property(
      fc.array(word, { minLength: 1, maxLength: 4 }),
      word,
      fc.boolean(),
      (sources, destination, link) => {
        const copy = only(
          `COPY ${link ? '--link ' : ''}--chown=${destination} ${[...sources, destination].join(' ')}`,
        );
        assert.partialDeepStrictEqual(copy, { sources, destination, link, chown: destination });
      },
    ),
  );
  fc.assert(
    fc.property(fc.array(fc.stringMatching(/^[^\n\r\0]{0,20}$/), { maxLength: 5 }), (lines) => {
      fc.pre(!lines.includes('END'));
      const content = lines.map((text) => `${text}\n`).join('');
      const run = only(`RUN cat <<"END"\n${content}END`);
      assert.ok(run.kind === 'run' && run.command.form === 'shell');
      assert.equal(run.command.heredocs[0]?.content, content);
    }),
  );
});

test('long lines and many of them take no time', () => {
  const begin = performance.now();
  for (const part of [' ', '\\ ', '["', '<<A ', '"', '$', '\t', '\r', '--a ', '${a:-', 'a=1 '])
    parsed(`FROM a\nRUN ${part.repeat(30_000)}x\nENV a=${part.repeat(30_000)}\n`);
  parsed(`FROM a\n${'RUN a \\\n\n# c\nb\n'.repeat(20_000)}`);
  assert.ok(performance.now() - begin < 5000);
});
