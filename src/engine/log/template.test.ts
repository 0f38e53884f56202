/** Tags as Docker's users write them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isEngineError } from '../../errors/engine-error.ts';
import { expandTag } from './template.ts';

const fields = {
  ID: '0123456789ab',
  Name: 'web',
  ContainerArgs: ['a', 'b c'],
  ContainerLabels: { tier: 'front', z: '1' },
};

test('fields, functions and pipes', () => {
  const cases: Array<[string, string]> = [
    ['plain', 'plain'],
    ['', ''],
    ['{{.Name}}/{{.ID}}', 'web/0123456789ab'],
    ['docker.{{ .Name }}.x', 'docker.web.x'],
    ['{{upper .Name}} {{.Name | upper | lower}}', 'WEB web'],
    ['{{truncate .ID 4}}', '0123'],
    ['{{index .ContainerLabels "tier"}}-{{index .ContainerLabels "none"}}', 'front-'],
    ['{{index .ContainerArgs 1}}', 'b c'],
    ['{{join .ContainerArgs ","}} {{json .ContainerArgs}} {{.ContainerArgs}}', 'a,b c ["a","b c"] [a b c]'],
    ['{{.ContainerLabels}}', 'map[tier:front z:1]'],
    ['{{"{{"}}x{{`}}`}}', '{{x}}'],
    ['a {{- .Name -}} b', 'awebb'],
    ['a}}b', 'a}}b'],
  ];
  for (const [source, expected] of cases) assert.equal(expandTag(source, fields), expected, source);
});

test('what is no template is told', () => {
  for (const source of [
    '{{.Nothing}}',
    '{{nothing}}',
    '{{.Name',
    '{{}}',
    '{{if .Name}}x{{end}}',
    '{{.Name "x"}}',
    '{{.Name ! }}',
    '{{.toString}}',
  ])
    assert.throws(
      () => expandTag(source, fields),
      (error: unknown) => isEngineError(error, 'invalid-argument') && /log-tag/.test(error.message),
      source,
    );
});
