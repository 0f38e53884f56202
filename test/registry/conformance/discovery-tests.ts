/** distribution-spec, "Content Discovery", and Docker's catalogue. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { digestOf } from '../../../src/oci/digest.ts';
import { mediaTypes } from '../../../src/oci/media-types.ts';
import { type Answer, assertError, descriptor, jsonOf, type RegistryClient } from './client.ts';

interface TagList {
  name: string;
  tags: string[];
}

interface Index {
  schemaVersion: number;
  mediaType: string;
  manifests: Array<{
    mediaType: string;
    digest: string;
    size: number;
    artifactType?: string;
    annotations?: Record<string, string>;
  }>;
}

/** The next page's path. */
function nextOf(answer: Answer): string | undefined {
  const { link } = answer.headers;
  if (link === undefined) return undefined;
  const match = /^<([^>]+)>; ?rel="?next"?$/.exec(String(link));
  assert.ok(match?.[1] !== undefined, `not an RFC 5988 link: ${String(link)}`);
  return match[1];
}

export function discoveryTests(client: RegistryClient): void {
  tagTests(client);
  referrersTests(client);
  filterTests(client);
  catalogTests(client);
}

function tagTests(client: RegistryClient): void {
  const names = ['v1', 'a', 'Z', 'latest', '1.0', '_x', 'b'];
  const sorted = ['1.0', 'Z', '_x', 'a', 'b', 'latest', 'v1'];

  async function tagged(): Promise<string> {
    const repository = client.repository();
    const { data } = await client.pushImage(repository);
    for (const name of names) await client.putManifest(repository, name, data);
    return repository;
  }

  test('Listing Tags (end-8a): all of them, in ASCIIbetical order', async () => {
    const repository = await tagged();
    const answer = await client.ask('GET', `/v2/${repository}/tags/list`);
    assert.equal(answer.status, 200);
    assert.deepEqual(jsonOf<TagList>(answer), { name: repository, tags: sorted });
    assert.equal(nextOf(answer), undefined);
  });

  test('Listing Tags (end-8b): n bounds a page, and Link leads on to the next until all were seen', async () => {
    const repository = await tagged();
    const seen: string[] = [];
    let pages = 0;
    for (let path: string | undefined = `/v2/${repository}/tags/list?n=3`; path !== undefined; pages += 1) {
      const answer = await client.ask('GET', path);
      const { tags } = jsonOf<TagList>(answer);
      assert.ok(tags.length > 0 && tags.length <= 3);
      seen.push(...tags);
      path = nextOf(answer);
    }
    assert.equal(pages, 3);
    assert.deepEqual(seen, sorted);
  });

  test('Listing Tags (end-8b): last begins after that tag, with and without n, also where it does not exist', async () => {
    const repository = await tagged();
    const list = async (query: string): Promise<string[]> =>
      jsonOf<TagList>(await client.ask('GET', `/v2/${repository}/tags/list?${query}`)).tags;
    assert.deepEqual(await list('n=2&last=a'), ['b', 'latest']);
    assert.deepEqual(await list('last=latest'), ['v1']);
    assert.deepEqual(await list('last=aa&n=1'), ['b']);
    assert.deepEqual(await list('last=v1'), []);
    assert.deepEqual(await list('n=7'), sorted);
    assert.deepEqual(await list('n=5000'), sorted);
  });

  test('Listing Tags (end-8b): n of zero gives an empty list without Link', async () => {
    const repository = await tagged();
    const answer = await client.ask('GET', `/v2/${repository}/tags/list?n=0`);
    assert.equal(answer.status, 200);
    assert.deepEqual(jsonOf<TagList>(answer).tags, []);
    assert.equal(answer.headers['link'], undefined);
  });

  test('Listing Tags: a repository without tags is an empty list, one that does not exist NAME_UNKNOWN, a bad n 400', async () => {
    const repository = client.repository();
    await client.pushImage(repository);
    const empty = await client.ask('GET', `/v2/${repository}/tags/list`);
    assert.deepEqual(jsonOf<TagList>(empty).tags, []);
    const unknown = await client.ask('GET', `/v2/${client.repository()}/tags/list`);
    assertError(unknown, 404, 'NAME_UNKNOWN');
    for (const n of ['-1', 'x', '1.5'])
      assert.equal((await client.ask('GET', `/v2/${repository}/tags/list?n=${n}`)).status, 400);
  });
}

async function referrersOf(
  client: RegistryClient,
  repository: string,
  digest: string,
  query = '',
): Promise<Answer> {
  const answer = await client.ask('GET', `/v2/${repository}/referrers/${digest}${query}`);
  assert.equal(answer.status, 200);
  assert.equal(answer.headers['content-type'], mediaTypes.ociIndex);
  const index = jsonOf<Index>(answer);
  assert.equal(index.schemaVersion, 2);
  assert.equal(index.mediaType, mediaTypes.ociIndex);
  return answer;
}

function referrersTests(client: RegistryClient): void {
  test('Listing Referrers (end-12a): of an absent subject, or repository, an empty index, never 404', async () => {
    const repository = client.repository();
    await client.pushImage(repository, 'v1');
    for (const name of [repository, client.repository()]) {
      const answer = await referrersOf(client, name, digestOf('absent'));
      assert.deepEqual(jsonOf<Index>(answer).manifests, []);
    }
  });

  test('Listing Referrers (end-12a): an invalid digest is 400', async () => {
    const answer = await client.ask('GET', `/v2/${client.repository()}/referrers/sha256:nodigest`);
    assertError(answer, 400, 'DIGEST_INVALID');
  });

  test('Listing Referrers (end-12a): descriptors with size, artifactType and annotations, of manifests and indexes', async () => {
    const repository = client.repository();
    const image = await client.pushImage(repository, 'v1');
    const subject = descriptor(mediaTypes.ociManifest, image.data);
    const annotations = { 'org.example.kind': 'sbom' };
    const typed = await client.pushImage(repository, undefined, {
      subject,
      artifactType: 'application/vnd.example.sbom',
      annotations,
    });
    const untyped = await client.pushImage(repository, undefined, { subject });
    const index = await client.pushDocument(repository, undefined, {
      schemaVersion: 2,
      mediaType: mediaTypes.ociIndex,
      manifests: [],
      subject,
    });
    const { manifests } = jsonOf<Index>(await referrersOf(client, repository, image.digest));
    const byDigest = new Map(manifests.map((one) => [one.digest, one]));
    assert.equal(manifests.length, 3);
    assert.deepEqual(byDigest.get(typed.digest), {
      mediaType: mediaTypes.ociManifest,
      digest: typed.digest,
      size: typed.data.length,
      artifactType: 'application/vnd.example.sbom',
      annotations,
    });
    assert.equal(byDigest.get(untyped.digest)?.artifactType, mediaTypes.ociConfig, "the config's media type");
    assert.equal(byDigest.get(index.digest)?.mediaType, mediaTypes.ociIndex);
    assert.ok(!('artifactType' in (byDigest.get(index.digest) ?? {})));
  });

  test('Listing Referrers: in their own repository only; they come and go with themselves, not with their subject', async () => {
    const repository = client.repository();
    const image = await client.pushImage(repository, 'v1');
    const subject = descriptor(mediaTypes.ociManifest, image.data);
    const referrer = await client.pushImage(repository, undefined, { subject });
    const elsewhere = await referrersOf(client, client.repository(), image.digest);
    assert.deepEqual(jsonOf<Index>(elsewhere).manifests, []);
    await client.ask('DELETE', `/v2/${repository}/manifests/${image.digest}`);
    const after = jsonOf<Index>(await referrersOf(client, repository, image.digest));
    assert.deepEqual(
      after.manifests.map(({ digest }) => digest),
      [referrer.digest],
      'referrers survive the deletion of their subject',
    );
    await client.ask('DELETE', `/v2/${repository}/manifests/${referrer.digest}`);
    const none = jsonOf<Index>(await referrersOf(client, repository, image.digest));
    assert.deepEqual(none.manifests, []);
  });
}

function filterTests(client: RegistryClient): void {
  test('Listing Referrers (end-12b): artifactType filters, and OCI-Filters-Applied says so', async () => {
    const repository = client.repository();
    const image = await client.pushImage(repository, 'v1');
    const subject = descriptor(mediaTypes.ociManifest, image.data);
    const wanted = await client.pushImage(repository, undefined, {
      subject,
      artifactType: 'application/a+x',
    });
    await client.pushImage(repository, undefined, { subject, artifactType: 'application/b' });
    const filtered = await referrersOf(client, repository, image.digest, '?artifactType=application/a%2Bx');
    assert.equal(filtered.headers['oci-filters-applied'], 'artifactType');
    assert.deepEqual(
      jsonOf<Index>(filtered).manifests.map(({ digest }) => digest),
      [wanted.digest],
    );
    const none = await referrersOf(client, repository, image.digest, '?artifactType=application/none');
    assert.deepEqual(jsonOf<Index>(none).manifests, []);
    const all = await referrersOf(client, repository, image.digest);
    assert.equal(all.headers['oci-filters-applied'], undefined);
    assert.equal(jsonOf<Index>(all).manifests.length, 2);
  });

  test('Listing Referrers: what one index cannot hold comes in pages, by Link', async () => {
    const repository = client.repository();
    const image = await client.pushImage(repository, 'v1');
    const subject = descriptor(mediaTypes.ociManifest, image.data);
    const pushed: string[] = [];
    for (const name of ['a', 'b', 'c']) {
      const annotations = { [name]: name.repeat(1_800_000) };
      pushed.push((await client.pushImage(repository, undefined, { subject, annotations })).digest);
    }
    const seen: string[] = [];
    for (let query: string | undefined = ''; query !== undefined; ) {
      const answer: Answer = await referrersOf(client, repository, image.digest, query);
      assert.ok(answer.body.length < 4 * 1024 * 1024);
      seen.push(...jsonOf<Index>(answer).manifests.map(({ digest }) => digest));
      query = nextOf(answer)?.replace(/^[^?]*/, '');
    }
    assert.deepEqual(seen.toSorted(), pushed.toSorted());
  });
}

function catalogTests(client: RegistryClient): void {
  test("Docker's _catalog: names in order, in pages by n, last and Link", async () => {
    const names = [client.repository(), client.repository(), client.repository()].toSorted();
    for (const name of names) await client.pushImage(name, 'v1');
    const seen: string[] = [];
    for (let path: string | undefined = '/v2/_catalog?n=2'; path !== undefined; ) {
      const answer: Answer = await client.ask('GET', path);
      assert.equal(answer.status, 200);
      const { repositories } = jsonOf<{ repositories: string[] }>(answer);
      assert.ok(repositories.length <= 2);
      seen.push(...repositories);
      path = nextOf(answer);
    }
    assert.deepEqual(
      seen.filter((name) => names.includes(name)),
      names,
    );
    assert.deepEqual(seen, seen.toSorted());
    const none = await client.ask('GET', '/v2/_catalog?n=0');
    assert.deepEqual(jsonOf(none), { repositories: [] });
  });
}
