// biome-ignore-all lint/suspicious/noTemplateCurlyInString: such texts are what is tested
/** Words: what BuildKit's shell lexer makes of each text was asked of it (v0.34), and is kept here as it answered. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isEngineError } from '../../errors/engine-error.ts';
import { expand } from './words.ts';

const environment = new Map([
  ['HOME', '/root'],
  ['EMPTY', ''],
  ['LIST', 'a b  c'],
  ['PATHS', '/usr/local/bin:/bin'],
  ['FILE', 'archive.tar.gz'],
  ['GREEK', 'λόγος'],
  ['STAR', 'a*b?c'],
  ['DOLLAR', '$HOME'],
]);
const lookup = (name: string): string | undefined => environment.get(name);

const answers: Array<[written: string, answer: { text: string; words: string[] } | { error: string }]> = [
  ['plain', { text: 'plain', words: ['plain'] }],
  ['$HOME', { text: '/root', words: ['/root'] }],
  ['${HOME}', { text: '/root', words: ['/root'] }],
  ['x$HOME.y', { text: 'x/root.y', words: ['x/root.y'] }],
  ['$HOMEX', { text: '', words: [] }],
  ['${HOME}X', { text: '/rootX', words: ['/rootX'] }],
  ['$NOPE', { text: '', words: [] }],
  ['${NOPE}', { text: '', words: [] }],
  ['$EMPTY', { text: '', words: [] }],
  ['${NOPE:-d}', { text: 'd', words: ['d'] }],
  ['${NOPE-d}', { text: 'd', words: ['d'] }],
  ['${EMPTY:-d}', { text: 'd', words: ['d'] }],
  ['${EMPTY-d}', { text: '', words: [] }],
  ['${HOME:-d}', { text: '/root', words: ['/root'] }],
  ['${NOPE:+s}', { text: '', words: [] }],
  ['${NOPE+s}', { text: '', words: [] }],
  ['${EMPTY:+s}', { text: '', words: [] }],
  ['${EMPTY+s}', { text: 's', words: ['s'] }],
  ['${HOME:+s}', { text: 's', words: ['s'] }],
  ['${NOPE:?gone}', { error: 'NOPE: gone' }],
  ['${NOPE?}', { error: 'NOPE: is not allowed to be unset' }],
  ['${EMPTY:?}', { error: 'EMPTY: is not allowed to be empty' }],
  ['${EMPTY?x}', { text: '', words: [] }],
  ['${HOME:?x}', { text: '/root', words: ['/root'] }],
  ['${NOPE:-$HOME/x}', { text: '/root/x', words: ['/root/x'] }],
  ['${NOPE:-${EMPTY:-${HOME}}}', { text: '/root', words: ['/root'] }],
  ['${HOME:+${NOPE:-deep}}', { text: 'deep', words: ['deep'] }],
  ["'$HOME'", { text: '$HOME', words: ['$HOME'] }],
  ['"$HOME"', { text: '/root', words: ['/root'] }],
  ['"it\'s $HOME"', { text: "it's /root", words: ["it's /root"] }],
  ['\'say "hi"\'', { text: 'say "hi"', words: ['say "hi"'] }],
  ['\\$HOME', { text: '$HOME', words: ['$HOME'] }],
  ['"\\$HOME"', { text: '$HOME', words: ['$HOME'] }],
  ["'\\$HOME'", { text: '\\$HOME', words: ['\\$HOME'] }],
  ['a\\ b', { text: 'a b', words: ['a b'] }],
  ['"a\\ b"', { text: 'a\\ b', words: ['a\\ b'] }],
  ['"a\\"b"', { text: 'a"b', words: ['a"b'] }],
  ['\\\\', { text: '\\', words: ['\\'] }],
  ['"\\\\"', { text: '\\', words: ['\\'] }],
  ['end\\', { text: 'end', words: ['end'] }],
  ['$', { text: '$', words: ['$'] }],
  ['$ x', { text: '$ x', words: ['$', 'x'] }],
  ['a$', { text: 'a$', words: ['a$'] }],
  ['$$', { text: '', words: [] }],
  ['$1x', { text: 'x', words: ['x'] }],
  ['${1}', { text: '', words: [] }],
  ['$@', { text: '', words: [] }],
  ['$#', { text: '', words: [] }],
  ['${FILE#*.}', { text: 'tar.gz', words: ['tar.gz'] }],
  ['${FILE##*.}', { text: 'gz', words: ['gz'] }],
  ['${FILE%.*}', { text: 'archive.tar', words: ['archive.tar'] }],
  ['${FILE%%.*}', { text: 'archive', words: ['archive'] }],
  ['${FILE#arch}', { text: 'ive.tar.gz', words: ['ive.tar.gz'] }],
  ['${FILE#nope}', { text: 'archive.tar.gz', words: ['archive.tar.gz'] }],
  ['${PATHS//:/ }', { text: '/usr/local/bin /bin', words: ['/usr/local/bin', '/bin'] }],
  ['${PATHS/:/,}', { text: '/usr/local/bin,/bin', words: ['/usr/local/bin,/bin'] }],
  ['${PATHS//\\//_}', { text: '_usr_local_bin:_bin', words: ['_usr_local_bin:_bin'] }],
  ['${FILE/.tar*/}', { text: 'archive', words: ['archive'] }],
  ['${FILE/a?c/X}', { text: 'Xhive.tar.gz', words: ['Xhive.tar.gz'] }],
  ['${FILE//[a-c]/X}', { text: 'archive.tar.gz', words: ['archive.tar.gz'] }],
  ['${GREEK#λ}', { text: 'όγος', words: ['όγος'] }],
  ['${GREEK%?}', { text: 'λόγο', words: ['λόγο'] }],
  ['${GREEK//ό/o}', { text: 'λoγος', words: ['λoγος'] }],
  ['${HOME//*/-}', { text: '-', words: ['-'] }],
  ['${HOME//?/-}', { text: '-----', words: ['-----'] }],
  ['${STAR#a\\*}', { text: 'b?c', words: ['b?c'] }],
  ['${STAR%\\?c}', { text: 'a*b', words: ['a*b'] }],
  ['${STAR//\\*/x}', { text: 'axb?c', words: ['axb?c'] }],
  ['${NOPE#x}', { text: '', words: [] }],
  ['${NOPE/x/y}', { text: '', words: [] }],
  ['${EMPTY//x/y}', { text: '', words: [] }],
  ['${FILE//x*/}', { text: 'archive.tar.gz', words: ['archive.tar.gz'] }],
  ["${HOME//''/-}", { text: '-/-r-o-o-t-', words: ['-/-r-o-o-t-'] }],
  ['${LIST}', { text: 'a b  c', words: ['a', 'b', 'c'] }],
  ['"$LIST"', { text: 'a b  c', words: ['a b  c'] }],
  ['$LIST$LIST', { text: 'a b  ca b  c', words: ['a', 'b', 'ca', 'b', 'c'] }],
  ['pre$LIST', { text: 'prea b  c', words: ['prea', 'b', 'c'] }],
  ['${NOPE:-"q w"}', { text: 'q w', words: ['q', 'w'] }],
  ["${NOPE:-'$HOME'}", { text: '$HOME', words: ['$HOME'] }],
  ['${DOLLAR}', { text: '$HOME', words: ['$HOME'] }],
  ['${', { error: "syntax error: missing '}'" }],
  ['${}', { error: 'syntax error: bad substitution' }],
  ['${{HOME}', { error: 'syntax error: bad substitution' }],
  ['${:x}', { error: 'syntax error: bad substitution' }],
  ['${HOME:#x}', { error: 'unsupported modifier (:#) in substitution' }],
  ['${HOME!x}', { error: 'unsupported modifier (!) in substitution' }],
  ['${HOME/x}', { error: "syntax error: missing '/' in ${}" }],
  ['${HOME/x/y', { error: "syntax error: missing '}'" }],
  ["'open", { error: 'unexpected end of statement while looking for matching single-quote' }],
  ['"open', { error: 'unexpected end of statement while looking for matching double-quote' }],
  ['"${NOPE:-"in"}"', { text: 'in', words: ['in'] }],
  ['a  b', { text: 'a  b', words: ['a', 'b'] }],
  ['<<EOF', { text: '<<EOF', words: ['<<EOF'] }],
  ['cat << EOF', { text: 'cat << EOF', words: ['cat', '<< EOF'] }],
  ['a < b', { text: 'a < b', words: ['a', '<', 'b'] }],
  ['2>&1 <<-X y', { text: '2>&1 <<-X y', words: ['2>&1', '<<-X', 'y'] }],
];

for (const [written, answer] of answers) {
  test(`words: ${written}`, () => {
    if ('error' in answer) {
      assert.throws(
        () => expand(written, lookup),
        (error) =>
          isEngineError(error, 'invalid-argument') &&
          error.message === `failed to process ${JSON.stringify(written)}: ${answer.error}` &&
          error.hint !== undefined,
      );
      return;
    }
    const { text, words } = expand(written, lookup);
    assert.deepEqual({ text, words }, answer);
  });
}

test('what is not closed says what is missing', () => {
  assert.throws(() => expand('${HOME', lookup), { message: /missing '\}'$/ });
  assert.throws(() => expand('${HOME:}', lookup), { message: /unsupported modifier \(:\}\)/ });
  assert.throws(() => expand(`\${FILE#\\x}`, lookup), { message: /invalid pattern \(\\x\) in substitution/ });
});

test('which variables were set and which were not', () => {
  const { matched, unmatched } = expand('$HOME ${A:-$B} ${HOME:+$C}', lookup);
  assert.deepEqual([...matched], ['HOME']);
  assert.deepEqual([...unmatched].sort(), ['A', 'B', 'C']);
});

test('the escape can be another character', () => {
  assert.equal(expand('C:\\dir`$HOME', lookup, { escape: '`' }).text, 'C:\\dir$HOME');
  assert.equal(expand('"a`"b"', lookup, { escape: '`' }).text, 'a"b');
});

test('quotes, escapes and what is not set can stay', () => {
  assert.equal(expand(`"a" 'b' \\c`, lookup, { rawQuotes: true, rawEscapes: true }).text, `"a" 'b' \\c`);
  assert.equal(expand('$A ${B} ${C:-d}', lookup, { keepUnset: true }).text, '$A ${B} ${C:-d}');
  assert.equal(expand(`it's "$HOME"`, lookup, { ignoreQuotes: true }).text, `it's "/root"`);
});

test('nesting has an end', () => {
  assert.equal(expand(`${'${A:-'.repeat(90)}x${'}'.repeat(90)}`, lookup).text, 'x');
  assert.throws(() => expand('${A:-'.repeat(100_000), lookup), { message: /nested too deeply/ });
});

test('a pattern with many stars is matched in no time', () => {
  const begin = performance.now();
  expand('${X//*a*a*a*a*a*a*b/-}${X##*a*a*a*a*a*a*b}', () => 'a'.repeat(5000));
  assert.ok(performance.now() - begin < 2000);
});

test('a text without anything special is itself; quoted, any text is', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[\w ./:-]*$/), (text) => {
      assert.equal(expand(text, lookup).text, text);
    }),
  );
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      const quoted = `"${text.replace(/["$\\]/g, '\\$&')}"`;
      assert.equal(expand(quoted, lookup).text, text);
    }),
  );
});

test('a value is never read again', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (value) => {
      const { text } = expand('"$V"${V}', () => value);
      assert.equal(text, value + value);
    }),
  );
});

test('no text makes it fail in another way', () => {
  const pieces = fc.constantFrom(
    ...[
      '$',
      '{',
      '}',
      '${',
      'HOME',
      'A',
      ':',
      '-',
      '+',
      '?',
      '#',
      '%',
      '/',
      '*',
      '\\',
      '"',
      "'",
      ' ',
      '<<',
      'é',
      '\n',
    ],
  );
  const texts = fc.oneof(
    fc.array(pieces, { maxLength: 30 }).map((parts) => parts.join('')),
    fc.string({ unit: 'binary', maxLength: 60 }),
  );
  const options = fc.record({
    escape: fc.constantFrom('\\', '`'),
    rawQuotes: fc.boolean(),
    rawEscapes: fc.boolean(),
    ignoreQuotes: fc.boolean(),
    keepUnset: fc.boolean(),
  });
  fc.assert(
    fc.property(texts, options, (text, option) => {
      try {
        const { words } = expand(text, lookup, option);
        assert.ok(!words.includes(''));
      } catch (error) {
        assert.ok(isEngineError(error, 'invalid-argument'), String(error));
      }
    }),
    { numRuns: 2000 },
  );
});
