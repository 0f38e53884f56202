/** Which tags must stay as they are. */
import { compileGlob } from './glob.ts';
import type { ImmutableTags } from './policy-config.ts';

export type TagTest = (repository: string, tag: string) => boolean;

/** EngineError `invalid-argument` for a malformed pattern. */
export function immutableTest(rules: readonly ImmutableTags[]): TagTest {
  const compiled = rules.map(({ repositories, tags }) => ({
    repositories: compileGlob(repositories),
    tags: compileGlob(tags),
  }));
  return (repository, tag) =>
    compiled.some((rule) => rule.repositories.test(repository) && rule.tags.test(tag));
}
