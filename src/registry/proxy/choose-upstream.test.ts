/** Which upstream serves which name, and what the repository is called there. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { isEngineError } from '../../errors/engine-error.ts';
import { Transport } from '../../images/registry/transport.ts';
import { chooseUpstream, isAmbiguous } from './choose-upstream.ts';
import { Upstream } from './upstream.ts';
import type { UpstreamOptions } from './upstream-options.ts';

const transport = new Transport(() => ({ mirrors: [], insecureRegistries: [] }));
after(() => transport.close());

function upstream(name: string, options: Partial<UpstreamOptions> = {}): Upstream {
  return new Upstream({ name, remoteUrl: `https://${name}.example`, ...options }, transport);
}

function chosen(upstreams: Upstream[], repository: string, namespace?: string): string | undefined {
  return chooseUpstream(upstreams, repository, namespace)?.name;
}

test('one without prefix serves every name, whatever the namespace', () => {
  const only = [upstream('only')];
  assert.equal(chosen(only, 'a/b'), 'only');
  assert.equal(chosen(only, 'a/b', 'docker.io'), 'only');
  assert.equal(only[0]?.remoteName('a/b'), 'a/b');
});

test('the longest prefix wins, before one that serves all', () => {
  const all = [
    upstream('all'),
    upstream('short', { prefix: 'ghcr' }),
    upstream('long', { prefix: 'ghcr/org/' }),
  ];
  assert.equal(chosen(all, 'ghcr/org/app'), 'long');
  assert.equal(chosen(all, 'ghcr/other'), 'short');
  assert.equal(chosen(all, 'ghcrs/other'), 'all');
  assert.equal(chosen(all, 'ghcr'), 'all');
  assert.equal(all[2]?.remoteName('ghcr/org/app'), 'app');
});

test('namespaces lead to their upstream, and foreign ones to nobody but a prefix', () => {
  const named = [
    upstream('hub', { namespaces: ['docker.io'] }),
    upstream('github', { namespaces: ['ghcr.io'], prefix: 'ghcr' }),
  ];
  assert.equal(chosen(named, 'library/busybox', 'docker.io'), 'hub');
  assert.equal(chosen(named, 'org/app', 'ghcr.io'), 'github');
  assert.equal(chosen(named, 'ghcr/org/app'), 'github');
  assert.equal(chosen(named, 'ghcr/org/app', 'registry.example'), 'github');
  assert.equal(chosen(named, 'org/app', 'quay.io'), undefined);
  assert.equal(chosen(named, 'org/app'), undefined);
  assert.equal(isAmbiguous(named, 'org/app'), true);
  assert.equal(isAmbiguous([upstream('only')], 'org/app'), false);
});

test('patterns choose among repositories', () => {
  const some = [upstream('library', { repositories: ['library/**'] }), upstream('rest')];
  assert.equal(chosen(some, 'library/busybox'), 'library');
  assert.equal(chosen(some, 'team/app'), 'rest');
});

test('names on Docker Hub are complete', () => {
  const hub = upstream('hub', { remoteUrl: 'https://docker.io', prefix: 'hub' });
  assert.equal(hub.remoteName('hub/busybox'), 'library/busybox');
  assert.equal(hub.remoteName('hub/org/app'), 'org/app');
});

test('what is no URL and no pattern is refused', () => {
  for (const options of [
    { remoteUrl: 'registry.example' },
    { remoteUrl: 'ftp://x' },
    { repositories: ['a***'] },
  ])
    assert.throws(
      () => upstream('bad', options),
      (error) => isEngineError(error, 'invalid-argument'),
    );
});

test('a ttl of 0 is for ever, and tags are asked for at least as often', () => {
  assert.equal(upstream('x', { ttl: 0 }).ttl, Number.POSITIVE_INFINITY);
  assert.equal(upstream('x', { ttl: 0 }).revalidate, 60_000);
  assert.equal(upstream('x', { ttl: 1000 }).revalidate, 1000);
});
