/** Templates give what Go's text/template with docker's functions gives. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isEngineError } from '../../errors/engine-error.ts';
import { executeTemplate } from './evaluate.ts';
import { functions } from './functions.ts';
import { parseTemplate } from './parser.ts';
import { GoNil, GoRow, toGoValue } from './value.ts';

const container = {
  Id: 'abc',
  Name: '/web',
  State: { Running: true, Pid: 42, Health: null },
  Config: { Env: ['A=1', 'B=2'], Cmd: null, Labels: { z: 'last', a: 'first' } },
  NetworkSettings: {
    Ports: { '80/tcp': [{ HostIp: '0.0.0.0', HostPort: '8080' }], '90/udp': null },
    Networks: { bridge: { IPAddress: '172.17.0.2' } },
  },
  Mounts: [
    { Type: 'bind', Source: '/a' },
    { Type: 'volume', Source: '/b' },
  ],
};

function render(source: string, data: unknown = container): string {
  return executeTemplate(parseTemplate(source, new Set(functions.keys())), toGoValue(data));
}

const cases: ReadonlyArray<readonly [template: string, result: string]> = [
  ['plain', 'plain'],
  ['{{.Id}}', 'abc'],
  ['{{.State.Pid}} {{.State.Running}}', '42 true'],
  ['{{.State.Health}}', '<nil>'],
  ['{{.Config.Env}} {{.Config.Cmd}}', '[A=1 B=2] []'],
  ['{{.Config.Labels}}', 'map[a:first z:last]'],
  ['{{.NetworkSettings.Ports}}', 'map[80/tcp:[{0.0.0.0 8080}] 90/udp:[]]'],
  ['{{(index (index .NetworkSettings.Ports "80/tcp") 0).HostPort}}', '8080'],
  ['{{index .Config.Labels "a"}}|{{index .Config.Labels "none"}}', 'first|'],
  ['{{.Config.Labels.a}}|{{.Config.Labels.none}}', 'first|<no value>'],
  ['{{range .Mounts}}{{.Type}}={{.Source}};{{end}}', 'bind=/a;volume=/b;'],
  ['{{range $i, $m := .Mounts}}{{$i}}{{$m.Type}} {{end}}', '0bind 1volume '],
  ['{{range $name, $n := .NetworkSettings.Networks}}{{$name}} {{$n.IPAddress}}{{end}}', 'bridge 172.17.0.2'],
  ['{{range .Config.Cmd}}x{{else}}none{{end}}', 'none'],
  ['{{range .Mounts}}{{if eq .Type "volume"}}{{break}}{{end}}{{.Type}}{{end}}', 'bind'],
  ['{{range .Mounts}}{{if eq .Type "bind"}}{{continue}}{{end}}{{.Type}}{{end}}', 'volume'],
  ['{{if .State.Health}}h{{else if .State.Running}}r{{else}}s{{end}}', 'r'],
  ['{{with .State}}{{.Pid}}{{end}}{{with .State.Health}}x{{else}}y{{end}}', '42y'],
  ['{{with $x := .Id}}{{$x}}{{end}}', 'abc'],
  ['{{$a := 1}}{{if true}}{{$a = 2}}{{end}}{{$a}}', '2'],
  ['{{$a := 1}}{{if true}}{{$a := 2}}{{end}}{{$a}}', '1'],
  ['{{range .Mounts}}{{$.Id}}{{end}}', 'abcabc'],
  ['a {{- .Id -}} b', 'aabcb'],
  ['a{{/* a comment */}}b {{- /* and trimmed */ -}} c', 'abc'],
  ['{{.Id | printf "%s-%s" "x" | upper}}', 'X-ABC'],
  [
    '{{printf "%-5s|%5s|%05d|%x|%q|%v|%t|%%|%.2f|%T" "a" "b" 42 255 "q" .State.Pid true 3.14159 .Id}}',
    'a    |    b|00042|ff|"q"|42|true|%|3.14|string',
  ],
  [
    '{{printf "%d" "x"}} {{printf "%s"}} {{printf "%s" "a" "b"}}',
    '%!d(string=x) %!s(MISSING) a%!(EXTRA string=b)',
  ],
  ['{{print 1 2 "a" "b" 3}}', '1 2ab3'],
  ['{{println 1 "a"}}', '1 a\n'],
  ['{{len .Mounts}} {{len .Id}} {{len .Config.Labels}} {{len .Config.Cmd}}', '2 3 2 0'],
  ['{{slice .Id 1 2}} {{slice .Config.Env 1}}', 'b [B=2]'],
  ['{{json .Mounts}}', '[{"Type":"bind","Source":"/a"},{"Type":"volume","Source":"/b"}]'],
  ['{{json .Config.Labels}} {{json .Config.Cmd}} {{json "<a>"}}', '{"a":"first","z":"last"} null "<a>"'],
  ['{{split "a,b" ","}} {{join (split "a,b" ",") "-"}}', '[a b] a-b'],
  ['{{title "hello world"}} {{lower "ABC"}} {{upper "abc"}}', 'Hello World abc ABC'],
  ['{{pad "x" 1 2}}|{{pad "" 1 2}}|{{truncate "hello" 3}}|{{truncate "hi" 3}}', ' x  ||hel|hi'],
  ['{{and 1 0}} {{or 0 "x"}} {{not true}}', '0 x false'],
  [
    '{{eq 1 1}} {{eq "a" "b" "a"}} {{ne 1 2}} {{lt 1 2}} {{le 2 2}} {{gt "b" "a"}} {{ge 1 2}}',
    'true true true true true true false',
  ],
  ['{{html "<a&b>"}} {{urlquery "a b&"}}', '&lt;a&amp;b&gt; a+b%26'],
  ['{{"a\\tb\\x41\\u00e9"}}{{`raw\\n`}}', 'a\tbAéraw\\n'],
  ["{{'a'}} {{0x10}} {{1_000}} {{1.5e3}} {{-2}}", '97 16 1000 1500 -2'],
];

for (const [template, result] of cases) {
  test(`renders ${template}`, () => assert.equal(render(template), result));
}

const failures: ReadonlyArray<readonly [template: string, message: string]> = [
  ['{{', 'template: :1: unclosed action'],
  ['{{.Id', 'template: :1: unclosed action'],
  ['{{nope}}', 'template: :1: function "nope" not defined'],
  ['{{end}}', 'template: :1: unexpected {{end}}'],
  ['{{if}}x{{end}}', 'template: :1: missing value for if'],
  ['{{if .Id}}x', 'template: :1: unexpected EOF'],
  ['{{$x}}', 'template: :1: undefined variable "$x"'],
  ['{{break}}', 'template: :1: {{break}} outside {{range}}'],
  ['a\n{{.Id | "x"}}', 'template: :2: non executable command in pipeline stage 2'],
  ['{{.Nope}}', 'template: :1:2: executing "" at <.Nope>: map has no entry for key "Nope"'],
  ['{{.State.Nope}}', 'template: :1:8: executing "" at <.State.Nope>: map has no entry for key "Nope"'],
  ['{{.Id.Nope}}', 'template: :1:5: executing "" at <.Id.Nope>: can\'t evaluate field Nope in type string'],
  [
    '{{.State.Health.Status}}',
    'template: :1:8: executing "" at <.State.Health.Status>: nil pointer evaluating .Status',
  ],
  [
    '{{index .Mounts 5}}',
    'template: :1:2: executing "" at <index .Mounts 5>: error calling index: index out of range: 5',
  ],
  ['{{len 3}}', 'template: :1:2: executing "" at <len 3>: error calling len: len of type int'],
  [
    '{{eq 1 "a"}}',
    'template: :1:2: executing "" at <eq 1 "a">: error calling eq: incompatible types for comparison',
  ],
  [
    '{{truncate "x"}}',
    'template: :1:2: executing "" at <truncate>: wrong number of args for truncate: want 2 got 1',
  ],
];

for (const [template, message] of failures) {
  test(`refuses ${JSON.stringify(template)}`, () => {
    assert.throws(
      () => render(template),
      (error) => isEngineError(error, 'invalid-argument') && error.message === message,
    );
  });
}

test("a row's fields are methods: with arguments, sorted in JSON, named in errors", () => {
  const row = new GoRow('container', {
    Names: () => 'web',
    ID: () => 'abc<',
    Label: (name) => `label ${String(name)}`,
    Platform: () => new GoNil('pointer'),
  });
  const run = (source: string) => executeTemplate(parseTemplate(source, new Set(functions.keys())), row);
  assert.equal(run('{{.Names}} {{.Label "x"}} {{"y" | .Label}}'), 'web label x label y');
  assert.equal(run('{{json .}}'), '{"ID":"abc\\u003c","Names":"web","Platform":null}');
  assert.throws(
    () => run('{{.Nope}}'),
    (error) => isEngineError(error) && error.hint === 'Its fields are: Names, ID, Label, Platform.',
  );
  assert.throws(() => run('{{.Label}}'), { message: /wrong number of args for Label: want 1 got 0/ });
});

test('whatever is written, the answer is text or an error of the template', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      '{{',
      '}}',
      '{{-',
      '-}}',
      '.Id',
      '.Mounts',
      '$x',
      ':=',
      '|',
      '(',
      ')',
      '"a"',
      'range',
      'if',
      'end',
      'else',
      'with',
    ),
    fc.constantFrom(
      'index',
      'printf',
      'len',
      'json',
      'slice',
      'eq',
      '%s',
      '0',
      '-1',
      ' ',
      '/*',
      '*/',
      ',',
      'nil',
      'break',
      '`',
      "'",
    ),
    fc.string({ maxLength: 5 }),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 14 }), (pieces) => {
      try {
        assert.equal(typeof render(pieces.join('')), 'string');
      } catch (error) {
        assert.ok(isEngineError(error, 'invalid-argument'), String(error));
      }
    }),
    { numRuns: 2000 },
  );
});
