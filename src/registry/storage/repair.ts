/** What a crash, a power cut or somebody's hand may have left: links and manifests whose bytes are gone. */
import type { IndexChange, RegistryTables } from './registry-tables.ts';
import type { Repository } from './repository.ts';

/** Takes them out of the index; the change must be committed. Each message says what went. */
export function findDamage(
  tables: RegistryTables,
  isStored: (digest: string) => boolean,
): { change: IndexChange; messages: string[] } {
  const change = tables.change();
  const messages: string[] = [];
  for (const repository of tables.index.repositories()) {
    const { name } = repository;
    for (const digest of missingOf(repository.links, isStored)) {
      change.link(name, digest, undefined);
      messages.push(`${name} loses blob ${digest}, which is missing on the disk: push it again`);
    }
    for (const digest of missingOf(repository.manifests, isStored)) {
      change.manifest(name, digest, undefined);
      messages.push(`${name} loses manifest ${digest}, which is missing on the disk: push it again`);
    }
    dropDanglingTags(repository, change);
  }
  return { change, messages };
}

function missingOf(held: ReadonlyMap<string, unknown>, isStored: (digest: string) => boolean): string[] {
  return [...held.keys()].filter((digest) => !isStored(digest));
}

function dropDanglingTags({ name, tags, manifests }: Repository, change: IndexChange): void {
  for (const [tag, { digest }] of [...tags]) {
    if (!manifests.has(digest)) change.tag(name, tag, undefined);
  }
}
