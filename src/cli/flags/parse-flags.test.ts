/** Arguments parse as docker's client parses them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isEngineError } from '../../errors/engine-error.ts';
import { bytes, integer, list, text, toggle } from './kinds.ts';
import { nearest, parseFlags } from './parse-flags.ts';

const specs = {
  interactive: toggle('', { short: 'i' }),
  tty: toggle('', { short: 't' }),
  detach: toggle('', { short: 'd' }),
  'sig-proxy': toggle('', { initial: true }),
  name: text(''),
  publish: list('', { short: 'p' }),
  memory: bytes('', { short: 'm' }),
  last: integer('', { short: 'n', initial: -1 }),
} as const;

function parse(args: string[], interspersed = false) {
  return parseFlags(specs, args, interspersed);
}

test('clusters, values joined and apart, and switches that are switched off', () => {
  const { flags, positional } = parse([
    '-itd',
    '-p80:80',
    '-p=81',
    '-p',
    '82',
    '--name=x',
    '--sig-proxy=false',
    '-itp',
    '83',
    'image',
  ]);
  assert.deepEqual(
    { ...flags },
    {
      interactive: true,
      tty: true,
      detach: true,
      'sig-proxy': false,
      name: 'x',
      publish: ['80:80', '81', '82', '83'],
      memory: 0,
      last: -1,
    },
  );
  assert.deepEqual(positional, ['image']);
});

test("flags after the image are the container's", () => {
  const { flags, positional } = parse(['-i', 'image', '-t', '--name', 'x']);
  assert.equal(flags.tty, false);
  assert.deepEqual(positional, ['image', '-t', '--name', 'x']);
  assert.deepEqual(parse(['a', '-t', 'b'], true).positional, ['a', 'b']);
  assert.deepEqual(parse(['-i', '--', '-t'], true).positional, ['-t']);
  assert.deepEqual(parse(['-', 'x']).positional, ['-', 'x']);
});

test('help, and what was given', () => {
  assert.equal(parse(['--help']).help, true);
  assert.equal(parse(['-h']).help, true);
  assert.equal(parse(['image', '--help']).help, false);
  assert.deepEqual([...parse(['--name', '', '-i']).given], ['name', 'interactive']);
});

test("what is wrong is said in docker's words", () => {
  const messages: ReadonlyArray<readonly [string[], string]> = [
    [['--foo'], 'unknown flag: --foo'],
    [['-x'], "unknown shorthand flag: 'x' in -x"],
    [['-ix'], "unknown shorthand flag: 'x' in -ix"],
    [['--name'], 'flag needs an argument: --name'],
    [['-p'], "flag needs an argument: 'p' in -p"],
    [['-itp'], "flag needs an argument: 'p' in -itp"],
    [['--=x'], 'bad flag syntax: --=x'],
    [['---x'], 'bad flag syntax: ---x'],
    [
      ['--tty=maybe'],
      'invalid argument "maybe" for "-t, --tty" flag: strconv.ParseBool: parsing "maybe": invalid syntax',
    ],
    [['-m', '5z'], 'invalid argument "5z" for "-m, --memory" flag: invalid suffix: \'z\''],
    [
      ['-n', 'x'],
      'invalid argument "x" for "-n, --last" flag: strconv.ParseInt: parsing "x": invalid syntax',
    ],
  ];
  for (const [args, message] of messages) assert.throws(() => parse(args), { message });
});

test('a near miss is pointed at', () => {
  assert.throws(
    () => parse(['--nam', 'x']),
    (error) => isEngineError(error) && error.hint === 'Did you mean --name?',
  );
  assert.equal(nearest('conatiner', ['container', 'image']), 'container');
  assert.equal(nearest('xyz', ['container', 'image']), undefined);
});

test('any arguments either parse or fail as an error of the user', () => {
  const word = fc.oneof(
    fc.constantFrom(
      '-i',
      '-it',
      '--name',
      '--name=',
      '-p',
      '-m',
      '5m',
      '--',
      '-',
      'x',
      '--tty=false',
      '-n',
      '3',
      '-h',
    ),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 8 }), fc.boolean(), (args, interspersed) => {
      try {
        const { positional } = parse(args, interspersed);
        assert.ok(positional.every((arg) => args.includes(arg)));
      } catch (error) {
        assert.ok(isEngineError(error, 'invalid-argument'));
      }
    }),
  );
});
