/** What a source of ADD is: a path, a URL to download, or a git repository (buildkit, dfgitutil). */

export type SourceKind = 'local' | 'http' | 'git';

/** A repository is told by its scheme, by `git@host:path`, or by a path that ends in `.git`. */
export function kindOfSource(source: string): SourceKind {
  if (/^(git|ssh):\/\//i.test(source) || /^[a-zA-Z0-9_.-]+@[^:/\s]+:[^\s]/.test(source)) return 'git';
  if (!/^https?:\/\//i.test(source)) return 'local';
  const path = source.split(/[?#]/, 1)[0] ?? '';
  return path.endsWith('.git') ? 'git' : 'http';
}
