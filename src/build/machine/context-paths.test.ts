import assert from 'node:assert/strict';
import { test } from 'node:test';
import { globalScope } from '../dockerfile/global-scope.ts';
import { parseDockerfile } from '../dockerfile/parse.ts';
import { resolveStages } from '../dockerfile/stages.ts';
import { contextPaths } from './context-paths.ts';

function pathsOf(text: string, target?: string): string[] | undefined {
  const dockerfile = parseDockerfile(Buffer.from(text), 'Dockerfile');
  const platform = { os: 'linux', architecture: 'amd64' };
  const scope = globalScope(dockerfile, { buildPlatform: platform, targetPlatform: platform });
  return contextPaths(resolveStages(dockerfile, scope, { target }));
}

test('only what is read is asked for', () => {
  assert.deepEqual(pathsOf('FROM a\nCOPY src/ package*.json /x/\nADD /b.tar https://h/f /\nRUN make\n'), [
    'b.tar',
    'package*.json',
    'src',
  ]);
  assert.deepEqual(pathsOf('FROM a AS one\nCOPY big /\nFROM a\nCOPY --from=b /x small /\n'), []);
  assert.deepEqual(pathsOf('FROM a AS one\nCOPY big /\nFROM a AS two\nCOPY small /\n', 'one'), ['big']);
});

test('everything is, where that is needed or can’t be told', () => {
  for (const line of [
    'COPY . /',
    'COPY $X /',
    'COPY a/../b /',
    'RUN --mount=target=/s ls',
    'RUN --mount=type=bind,target=/s ls',
  ])
    assert.equal(pathsOf(`FROM a\n${line}\n`), undefined, line);
  assert.deepEqual(pathsOf('FROM a\nRUN --mount=type=cache,target=/c --mount=from=b,target=/b ls\n'), []);
});
