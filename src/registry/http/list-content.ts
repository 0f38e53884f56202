/** Content discovery (distribution-spec, end-8 and end-12; Docker's `_catalog`): tags, referrers, repositories. */
import { mediaTypes } from '../../oci/media-types.ts';
import type { StoredManifest } from '../registry-types.ts';
import { type Exchange, sendJson } from './exchange.ts';
import { checkDigest } from './names.ts';
import { linkHeader, pageOf } from './pages.ts';
import { registryError } from './registry-error.ts';

/** Bytes of descriptors in one page of referrers: an index should not be larger than a manifest may be. */
const referrersPage = 4_000_000;
/** Tags of one answer at most. */
const maxTags = 1_000_000;

/** `GET /v2/<name>/tags/list`. NAME_UNKNOWN where there is no such repository. */
export async function listTags(exchange: Exchange): Promise<void> {
  const { context, route } = exchange;
  const { repository } = route;
  const page = pageOf(exchange, maxTags);
  // One more than asked for tells whether there is a next page.
  const found = await context.storage.tags(repository, { ...page, limit: page.limit + 1 });
  if (found === undefined) throw registryError('NAME_UNKNOWN', { detail: { name: repository } });
  const tags = found.slice(0, page.limit).map(({ name }) => name);
  const last = tags.at(-1);
  const hasMore = found.length > tags.length && last !== undefined;
  const next = hasMore
    ? linkHeader(exchange, `/v2/${repository}/tags/list`, { n: String(page.limit), last })
    : [];
  sendJson(exchange, { name: repository, tags }, next);
}

/** `GET /v2/_catalog`: the repositories that the client may pull from. */
export async function listRepositories(exchange: Exchange): Promise<void> {
  const { parts } = exchange.context;
  const page = pageOf(exchange, parts.settings.catalogLimit);
  const found = await visibleNames(exchange, page.after, page.limit + 1);
  const repositories = found.slice(0, page.limit);
  const last = repositories.at(-1);
  const hasMore = found.length > repositories.length && last !== undefined;
  const next = hasMore ? linkHeader(exchange, '/v2/_catalog', { n: String(page.limit), last }) : [];
  sendJson(exchange, { repositories }, next);
}

async function visibleNames(exchange: Exchange, start: string | undefined, count: number): Promise<string[]> {
  const { context, principal } = exchange;
  const names: string[] = [];
  for (let after = start; names.length < count; ) {
    const page = await context.storage.repositories({
      limit: count,
      ...(after === undefined ? {} : { after }),
    });
    for (const name of page) if (await context.parts.access.mayPull(principal, name)) names.push(name);
    after = page.at(-1);
    if (page.length < count) break;
  }
  return names.slice(0, count);
}

function descriptorOf(manifest: StoredManifest): string {
  const { mediaType, digest, size, artifactType, annotations } = manifest;
  return JSON.stringify({ mediaType, digest, size, artifactType, annotations });
}

/** Descriptors after that of `last`, up to a page's size. */
function cutPage(manifests: readonly StoredManifest[], last: string | null): StoredManifest[] {
  const start = manifests.findIndex(({ digest }) => digest === last) + 1;
  const page: StoredManifest[] = [];
  let size = 0;
  for (const manifest of manifests.slice(start)) {
    size += descriptorOf(manifest).length;
    if (size > referrersPage && page.length > 0) return page;
    page.push(manifest);
  }
  return page;
}

/** `GET /v2/<name>/referrers/<digest>`; `?artifactType=` filters. Never 404. */
export async function listReferrers(exchange: Exchange): Promise<void> {
  const { context, route } = exchange;
  const { repository, query } = route;
  const subject = checkDigest(route.reference);
  const artifactType = query.get('artifactType') ?? '';
  const all = await context.storage.referrers(repository, subject);
  const matching = artifactType === '' ? all : all.filter((one) => one.artifactType === artifactType);
  const page = cutPage(matching, query.get('last'));
  const headers = artifactType === '' ? [] : ['OCI-Filters-Applied', 'artifactType'];
  const last = page.at(-1)?.digest;
  if (last !== undefined && last !== matching.at(-1)?.digest) {
    const filter: Record<string, string> = artifactType === '' ? {} : { artifactType };
    headers.push(...linkHeader(exchange, `/v2/${repository}/referrers/${subject}`, { ...filter, last }));
  }
  const manifests = page.map(({ mediaType, digest, size, artifactType: type, annotations }) => ({
    mediaType,
    digest,
    size,
    ...(type === undefined ? {} : { artifactType: type }),
    ...(annotations === undefined ? {} : { annotations }),
  }));
  const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests };
  sendJson(exchange, index, headers, mediaTypes.ociIndex);
}
