/** Quotas and immutable tags, asked about before anything is pushed, moved or removed. */
import { EngineError } from '../../errors/engine-error.ts';
import type { PushPolicy, RegistryStorage } from '../registry-types.ts';
import { compileHolder } from './glob.ts';
import { immutableTest } from './immutable-tags.ts';
import type { PolicyConfig, Quota } from './policy-config.ts';

/** What a policy must know of the storage. */
export type PolicyStorage = Pick<RegistryStorage, 'usage' | 'tag' | 'tags' | 'manifest' | 'manifests'>;

/** A quota as it meets one repository. */
interface AppliedQuota extends Quota {
  /** Whose bytes are counted together; '' for all. */
  holder: string;
  /** What comes is counted already. */
  isInside: boolean;
}

/**
 * What is in the storage counts, and what the one push would add. Pushes at the same time are each asked on their own, so they may end above
 * a limit by what was under way; the next one is refused. EngineError `invalid-argument` for a malformed pattern.
 */
export function createPushPolicy(storage: PolicyStorage, config: PolicyConfig): PushPolicy {
  const quotas = config.quotas.map((quota) => ({ quota, find: compileHolder(quota.repositories) }));
  const isImmutable = immutableTest(config.immutable);
  const quotasOf = (repository: string, from?: string): AppliedQuota[] =>
    quotas.flatMap(({ quota, find }) => {
      const holder = find(repository);
      if (holder === undefined) return [];
      return [{ ...quota, holder, isInside: from !== undefined && find(from) === holder }];
    });
  return {
    checkPush: async (repository, bytes, from) => {
      for (const quota of quotasOf(repository, from)) {
        checkBlob(quota, repository, bytes);
        if (!quota.isInside) await checkBytes(storage, quota, bytes);
      }
    },
    checkManifest: async (repository, digest) => {
      for (const quota of quotasOf(repository)) await checkManifests(storage, quota, repository, digest);
    },
    checkTag: async (repository, tag, digest) => {
      const present = await storage.tag(repository, tag);
      if (present === undefined) {
        if (digest !== undefined)
          for (const quota of quotasOf(repository)) await checkTags(storage, quota, repository, tag);
        return;
      }
      if (digest !== present.digest && isImmutable(repository, tag))
        throw immutable(repository, tag, present.digest);
    },
  };
}

function checkBlob({ repositories, maxBlobBytes }: Quota, repository: string, bytes: number): void {
  if (maxBlobBytes === undefined || bytes <= maxBlobBytes) return;
  const message = `quota "${repositories}" allows blobs of ${inBytes(maxBlobBytes)} in ${repository}: this one has ${inBytes(bytes)}`;
  throw refusal(message, { quota: repositories, limit: maxBlobBytes, wanted: bytes });
}

async function checkBytes(
  storage: PolicyStorage,
  { repositories, maxBytes, holder }: AppliedQuota,
  bytes: number,
): Promise<void> {
  if (maxBytes === undefined) return;
  const used = await storage.usage(holder);
  const wanted = used + bytes;
  if (wanted <= maxBytes) return;
  const whose = holder === '' ? 'this registry' : holder;
  const message = `quota "${repositories}" allows ${inBytes(maxBytes)} in ${whose}: ${inBytes(used)} are used, this push would make it ${inBytes(wanted)}`;
  throw refusal(message, { quota: repositories, limit: maxBytes, used, wanted });
}

async function checkManifests(
  storage: PolicyStorage,
  { repositories, maxManifests }: Quota,
  repository: string,
  digest: string,
): Promise<void> {
  if (maxManifests === undefined || (await storage.manifest(repository, digest)) !== undefined) return;
  const used = (await storage.manifests(repository)).length;
  if (used < maxManifests) return;
  const message = `quota "${repositories}" allows ${maxManifests} manifests in ${repository}: ${used} are there, this push would make it ${used + 1}`;
  throw refusal(message, { quota: repositories, limit: maxManifests, used, wanted: used + 1 });
}

async function checkTags(
  storage: PolicyStorage,
  { repositories, maxTags }: Quota,
  repository: string,
  tag: string,
): Promise<void> {
  if (maxTags === undefined) return;
  const used = await countTags(storage, repository);
  if (used < maxTags) return;
  const message = `quota "${repositories}" allows ${maxTags} tags in ${repository}: ${used} are there, ${tag} would make it ${used + 1}`;
  throw refusal(message, { quota: repositories, limit: maxTags, used, wanted: used + 1 });
}

async function countTags(storage: PolicyStorage, repository: string): Promise<number> {
  const limit = 1000;
  let count = 0;
  for (let after: string | undefined; ; ) {
    const page = (await storage.tags(repository, { limit, ...(after === undefined ? {} : { after }) })) ?? [];
    count += page.length;
    after = page.at(-1)?.name;
    if (page.length < limit) return count;
  }
}

function refusal(message: string, details: Record<string, string | number>): EngineError {
  return new EngineError('forbidden', message, {
    hint: 'delete images that nobody needs, or have the quota raised',
    details,
  });
}

function immutable(repository: string, tag: string, digest: string): EngineError {
  return new EngineError('forbidden', `tag ${tag} of ${repository} is immutable: it names ${digest}`, {
    hint: 'push under another tag',
    details: { tag, digest },
  });
}

/** With both the exact number and one to read. */
function inBytes(count: number): string {
  const units = ['kB', 'MB', 'GB', 'TB', 'PB'];
  if (count < 1000) return `${count} bytes`;
  let value = count;
  let unit = '';
  for (const next of units) {
    if (value < 1000) break;
    value /= 1000;
    unit = next;
  }
  return `${value.toFixed(1)} ${unit} (${count} bytes)`;
}
