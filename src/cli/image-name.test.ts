/** Names of images are taken apart as docker's reference library does. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { familiarWithTag, parseImageName } from './image-name.ts';

const digest = `sha256:${'a'.repeat(64)}`;

test('registry, repository, tag and digest', () => {
  const cases: ReadonlyArray<readonly [text: string, familiar: string, full: string, withTag: string]> = [
    ['busybox', 'busybox', 'docker.io/library/busybox', 'busybox:latest'],
    ['busybox:1', 'busybox', 'docker.io/library/busybox', 'busybox:1'],
    ['docker.io/library/busybox', 'busybox', 'docker.io/library/busybox', 'busybox:latest'],
    ['index.docker.io/user/app', 'user/app', 'docker.io/user/app', 'user/app:latest'],
    ['user/app:2', 'user/app', 'docker.io/user/app', 'user/app:2'],
    ['localhost/x', 'localhost/x', 'localhost/x', 'localhost/x:latest'],
    ['localhost:5000/a/b:1.2', 'localhost:5000/a/b', 'localhost:5000/a/b', 'localhost:5000/a/b:1.2'],
    ['gcr.io/a/b', 'gcr.io/a/b', 'gcr.io/a/b', 'gcr.io/a/b:latest'],
    [`busybox@${digest}`, 'busybox', 'docker.io/library/busybox', `busybox@${digest}`],
    [`busybox:1@${digest}`, 'busybox', 'docker.io/library/busybox', `busybox:1@${digest}`],
  ];
  for (const [text, familiar, full, withTag] of cases) {
    const name = parseImageName(text);
    assert.deepEqual([name.familiar, name.full, familiarWithTag(name)], [familiar, full, withTag], text);
  }
});

test('bad names', () => {
  assert.throws(() => parseImageName('BusyBox'), {
    message: 'invalid reference format: repository name (library/BusyBox) must be lowercase',
  });
  for (const text of ['', '-', 'a//b', 'a:', ':1', 'a b', 'a/', 'x@sha256:12', 'a..b']) {
    assert.throws(() => parseImageName(text), { message: /invalid reference format/ }, text);
  }
});
