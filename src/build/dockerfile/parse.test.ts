/** Lines of a Dockerfile: directives, comments, continuations, here-documents, and where everything stands. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RunInstruction, StageInstruction } from './ast.ts';
import { DockerfileError } from './errors.ts';
import { executionOf } from './heredocs.ts';
import { parseDockerfile, parseTrigger } from './parse.ts';

function instructionsOf(text: string): readonly StageInstruction[] {
  return parseDockerfile(`FROM base\n${text}`).stages[0]?.instructions ?? [];
}

function runOf(text: string): RunInstruction {
  const [first] = instructionsOf(text);
  assert.ok(first?.kind === 'run');
  return first;
}

function errorOf(text: string): DockerfileError {
  try {
    parseDockerfile(text, 'Dockerfile');
  } catch (error) {
    assert.ok(error instanceof DockerfileError, String(error));
    return error;
  }
  throw new assert.AssertionError({ message: `no error: ${text}` });
}

test('directives, in any order and case, until the first line that is none', () => {
  const { directives } = parseDockerfile(
    '# Syntax = docker/dockerfile:1 x\n#escape=`\n# check=skip=all;error=true y\nFROM a',
  );
  assert.equal(directives.syntax, 'docker/dockerfile:1');
  assert.equal(directives.escape, '`');
  assert.equal(directives.check, 'skip=all;error=true');
  assert.equal(directives.ranges['check']?.start.line, 3);
  for (const before of ['# a comment\n', '\n', '# unknown=1\n'])
    assert.equal(parseDockerfile(`${before}# escape=\`\nFROM a`).directives.escape, '\\');
  assert.equal(parseDockerfile('#!/usr/bin/env docker\n# syntax=x\nFROM a').directives.syntax, 'x');
});

test('a directive given twice, or a bad escape, is an error on its line', () => {
  assert.match(
    errorOf('# syntax=a\n# syntax=b\nFROM a').message,
    /on line 2: only one syntax parser directive/,
  );
  assert.match(errorOf('# escape=/\nFROM a').message, /invalid escape token '\/' does not match ` or \\/);
});

test('a byte order mark and CRLF are no part of the text', () => {
  const bytes = Buffer.from('\ufeffFROM a\r\nRUN x \\\r\n  y\r\nENV a=b\r\n');
  const { stages } = parseDockerfile(bytes);
  assert.equal(stages[0]?.from.image, 'a');
  assert.deepEqual(
    stages[0]?.instructions.map((one) => one.text),
    ['RUN x   y', 'ENV a=b'],
  );
});

test('continuations: comments and empty lines within are left out, and noted', () => {
  const file = parseDockerfile('FROM a\nRUN one \\\n  # why\n\n  two\\\nthree\n');
  const run = file.stages[0]?.instructions[0];
  assert.equal(run?.text, 'RUN one   twothree');
  assert.equal(run?.original, 'RUN one \\\n  # why\n\n  two\\\nthree');
  assert.deepEqual(
    file.notes.map(({ kind, range }) => [kind, range.start.line]),
    [['empty-continuation', 6]],
  );
});

test('an escaped escape, or the other escape, continues nothing; blanks behind one do not matter', () => {
  assert.equal(instructionsOf('RUN a \\\\\nUSER b').length, 2);
  assert.equal(instructionsOf('RUN a \\  \t\nb')[0]?.text, 'RUN a b');
  assert.equal(
    parseDockerfile('# escape=`\nFROM a\nRUN x\\\nRUN y`\nz').stages[0]?.instructions[1]?.text,
    'RUN yz',
  );
  assert.equal(instructionsOf('RUN a \\')[0]?.text, 'RUN a');
});

test('where it stands: lines and columns from 1, the end beyond the last character', () => {
  const [run] = instructionsOf('\n  RUN one \\\n    two\n');
  assert.deepEqual(run?.range, { start: { line: 3, column: 3 }, end: { line: 4, column: 8 } });
});

test('comments above an instruction describe it; an empty one parts them', () => {
  const file = parseDockerfile('# gone\n#\n# web serves it\nFROM a AS web\n# V the version\nARG V=1 W');
  assert.deepEqual(file.stages[0]?.from.comments, ['web serves it']);
  assert.equal(file.stages[0]?.description, 'serves it');
  const arg = file.stages[0]?.instructions[0];
  assert.ok(arg?.kind === 'arg');
  assert.deepEqual(
    arg.args.map((one) => one.description),
    ['the version', undefined],
  );
});

test('here-documents: their text, tabs, quotes, several, and the descriptor', () => {
  const run = runOf("RUN cat <<A 3<<-'B'\none\n\ttwo\nA\n\t\tthree\n\tB\nUSER x");
  assert.ok(run.command.form === 'shell');
  assert.deepEqual(run.command.heredocs, [
    { name: 'A', content: 'one\n\ttwo\n', expand: true, chomp: false, descriptor: 0 },
    { name: 'B', content: '\t\tthree\n', expand: false, chomp: true, descriptor: 3 },
  ]);
  assert.deepEqual(run.range.end.line, 7);
  assert.equal(executionOf(run.command).kind, 'script');
});

test('a here-document keeps its line ends, comments and continuations', () => {
  const run = runOf('RUN <<EOF\r\n# no comment\r\na \\\r\nb\r\nEOF\r\nUSER x\r\n');
  assert.ok(run.command.form === 'shell');
  assert.equal(run.command.heredocs[0]?.content, '# no comment\r\na \\\r\nb\r\n');
});

test('what RUN executes', () => {
  const of = (text: string): unknown => executionOf(runOf(text).command);
  assert.deepEqual(of('RUN a  b'), { kind: 'script', script: 'a  b' });
  assert.deepEqual(of('RUN ["a", "b c"]'), { kind: 'args', args: ['a', 'b c'] });
  assert.deepEqual(of('RUN <<-E\n\ta\n\tE'), { kind: 'script', script: 'a\n' });
  assert.deepEqual(of('RUN <<E\n#!/bin/x\na\nE'), {
    kind: 'interpreted',
    name: 'E',
    content: '#!/bin/x\na\n',
  });
  assert.deepEqual(of('RUN cat <<E >x\na\nE'), { kind: 'script', script: 'cat <<E >x\na\nE' });
});

test('<< elsewhere announces nothing', () => {
  assert.equal(instructionsOf('CMD cat <<EOF\nUSER x').length, 2);
  assert.equal(instructionsOf('RUN ["a", "<<EOF"]\nUSER x').length, 2);
  assert.equal(instructionsOf('RUN echo "<<EOF" $((1<<2))\nUSER x').length, 2);
});

test('an end that never comes is an error at the instruction', () => {
  const error = errorOf('FROM a\nRUN <<EOF\nx\n');
  assert.equal(error.message, 'dockerfile parse error on line 2: unterminated heredoc');
  assert.match(error.hint ?? '', /EOF/);
});

test('global arguments and stages', () => {
  const file = parseDockerfile('ARG V=1\nARG W\nFROM a AS One\nRUN x\nFROM one\nUSER b\n');
  assert.deepEqual(
    file.globalArgs.map((one) => one.args[0]?.name),
    ['V', 'W'],
  );
  assert.deepEqual(
    file.stages.map(({ index, name, instructions }) => [index, name, instructions.length]),
    [
      [0, 'one', 1],
      [1, undefined, 1],
    ],
  );
  assert.equal(file.stages[0]?.from.writtenName, 'One');
});

test('a file without what it needs', () => {
  assert.equal(errorOf('').message, 'the Dockerfile cannot be empty');
  assert.equal(errorOf('# only a comment\n').message, 'file with no instructions');
  assert.equal(errorOf('ARG A\n').message, 'dockerfile contains no stages to build');
  const error = errorOf('ARG A\nRUN x\nFROM a\n');
  assert.equal(error.message, 'no build stage in current context');
  assert.deepEqual(error.details, { file: 'Dockerfile', line: 2, instruction: 'RUN' });
});

test('errors name the line, suggest what was meant, and show the lines around', () => {
  const error = errorOf('FROM a\nWORKDIR /x\nRUNN echo \\\n  hi\nUSER b\n');
  assert.equal(
    error.message,
    'dockerfile parse error on line 3: unknown instruction: RUNN (did you mean RUN?)',
  );
  assert.equal(error.code, 'invalid-argument');
  assert.deepEqual(error.details, { file: 'Dockerfile', line: 3, instruction: 'RUNN' });
  assert.equal(
    error.excerpt,
    [
      'Dockerfile:3',
      '--------------------',
      '   2 |     WORKDIR /x',
      '   3 | >>> RUNN echo \\',
      '   4 | >>>   hi',
      '   5 |     USER b',
      '--------------------',
      '',
    ].join('\n'),
  );
});

test('what looks like JSON but is none goes to the shell, and is noted', () => {
  const file = parseDockerfile(`FROM a\nCMD ['a', 'b']\nRUN [ -f x ]\nRUN [ "$a" = "b" ]\n`);
  assert.deepEqual(
    file.notes.map(({ kind, range }) => [kind, range.start.line]),
    [['bad-json', 2]],
  );
});

test('a trigger is one instruction, and not FROM', () => {
  assert.equal(parseTrigger('COPY . /app', 'x').kind, 'copy');
  assert.equal(parseTrigger('RUN <<E\na\nE', 'x').kind, 'run');
  for (const text of ['', 'FROM a', 'RUN a\nRUN b'])
    assert.throws(() => parseTrigger(text, 'x'), {
      message: /onbuild trigger should be a single expression/,
    });
});
