/** `--tmpfs PATH:OPTIONS`: Docker's defaults, and only what mount(2) takes for a tmpfs. */
import { EngineError } from '../../errors/engine-error.ts';

/** Flags that exclude each other: the last one given counts. */
const flagGroups: readonly string[][] = [
  ['ro', 'rw'],
  ['suid', 'nosuid'],
  ['dev', 'nodev'],
  ['exec', 'noexec'],
  ['sync', 'async'],
  ['dirsync'],
  ['mand', 'nomand'],
  ['atime', 'noatime'],
  ['diratime', 'nodiratime'],
  ['bind', 'rbind'],
  ['unbindable', 'runbindable', 'private', 'rprivate', 'shared', 'rshared', 'slave', 'rslave'],
  ['relatime', 'norelatime'],
  ['strictatime', 'nostrictatime'],
  ['remount'],
  ['defaults'],
];
const dataKeys = new Set(['size', 'mode', 'uid', 'gid', 'nr_inodes', 'nr_blocks', 'mpol']);

/**
 * noexec, nosuid and nodev, unless the given options say otherwise; of options for the same thing the last one counts.
 * EngineError `invalid-argument` `invalid tmpfs option ["X"]`.
 */
export function mergeTmpfsOptions(options: readonly string[]): string[] {
  const merged = new Map<string, string>();
  for (const option of ['noexec', 'nosuid', 'nodev', 'rprivate', ...options]) {
    if (option === '') continue;
    const key = keyOf(option);
    // Deleted first, so that the order is that of the last mention.
    merged.delete(key);
    merged.set(key, option);
  }
  return [...merged.values()].filter((option) => option !== 'defaults');
}

function keyOf(option: string): string {
  const group = flagGroups.findIndex((flags) => flags.includes(option));
  if (group >= 0) return `flag ${group}`;
  const key = option.split('=', 1)[0] ?? '';
  if (option.includes('=') && dataKeys.has(key)) return key;
  throw new EngineError('invalid-argument', `invalid tmpfs option [${JSON.stringify(option)}]`, {
    hint: `Known are size=, mode=, uid=, gid=, nr_inodes=, nr_blocks=, mpol= and flags such as exec, ro and nosuid.`,
  });
}

/** Checks where a tmpfs shall be, and its options. EngineError `invalid-argument` in Docker's words. */
export function checkTmpfs(tmpfs: Readonly<Record<string, string>>): void {
  for (const [destination, options] of Object.entries(tmpfs)) {
    if (!destination.startsWith('/'))
      throw new EngineError(
        'invalid-argument',
        `invalid mount path: '${destination}' mount path must be absolute`,
        { hint: 'Start the path with a slash.' },
      );
    if (/^\/+$/.test(destination))
      throw new EngineError('invalid-argument', "invalid specification: destination can't be '/'");
    mergeTmpfsOptions(options.split(','));
  }
}
