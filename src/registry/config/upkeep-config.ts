/** `gantry.gc`, `gantry.quotas`, `gantry.immutabletags` and `gantry.retention`: what may be pushed, and what goes again. */
import type { Path } from './fields.ts';
import type { ConfigurationFile } from './keys.ts';
import { checkPattern, type Refuse, without } from './refuse.ts';
import type { RegistryConfig } from './registry-config.ts';

const hour = 3_600_000;

/** When what nothing needs goes. */
export function toCollect({ gantry, storage }: ConfigurationFile): RegistryConfig['collect'] {
  const { enabled = true, interval = hour, grace = 24 * hour, untagged = false } = gantry?.gc ?? {};
  const {
    enabled: purges = true,
    age = 168 * hour,
    dryrun = false,
  } = storage?.maintenance?.uploadpurging ?? {};
  return {
    enabled,
    interval,
    grace,
    untagged,
    uploadGrace: purges && !dryrun ? age : Number.POSITIVE_INFINITY,
  };
}

type GantryKeys = NonNullable<ConfigurationFile['gantry']>;

/** Quotas, and tags that stay as they are. */
export function toPolicy(
  { quotas = [], immutabletags = [] }: GantryKeys,
  refuse: Refuse,
): RegistryConfig['policy'] {
  return {
    quotas: quotas.map((quota, index) => ({
      repositories: needed(quota.repositories, ['gantry', 'quotas', index, 'repositories'], refuse),
      ...without({
        maxBytes: quota.maxbytes,
        maxBlobBytes: quota.maxblobbytes,
        maxManifests: quota.maxmanifests,
        maxTags: quota.maxtags,
      }),
    })),
    immutable: immutabletags.map(({ repositories = '**', tags = '*' }, index) => {
      checkPattern(repositories, ['gantry', 'immutabletags', index, 'repositories'], refuse);
      checkPattern(tags, ['gantry', 'immutabletags', index, 'tags'], refuse);
      return { repositories, tags };
    }),
  };
}

/** Which tags and manifests go by themselves. */
export function toRetention(
  { interval = hour, dryrun = false, rules = [] }: NonNullable<GantryKeys['retention']>,
  refuse: Refuse,
): RegistryConfig['retention'] {
  return {
    interval,
    dryRun: dryrun,
    rules: rules.map((rule, index) => {
      const at = ['gantry', 'retention', 'rules', index];
      checkPattern(rule.tags, [...at, 'tags'], refuse);
      for (const [place, pattern] of (rule.keeptags ?? []).entries())
        checkPattern(pattern, [...at, 'keeptags', place], refuse);
      return {
        repositories: needed(rule.repositories, [...at, 'repositories'], refuse),
        ...without({
          tags: rule.tags,
          keepLast: rule.keeplast,
          keepTags: rule.keeptags,
          deleteOlderThan: rule.deleteolderthan,
          deleteNotPulledFor: rule.deletenotpulledfor,
          deleteUntaggedAfter: rule.deleteuntaggedafter,
        }),
      };
    }),
  };
}

function needed(pattern: string | undefined, path: Path, refuse: Refuse): string {
  if (pattern === undefined) return refuse(path, 'expected a pattern such as team/**');
  checkPattern(pattern, path, refuse);
  return pattern;
}
