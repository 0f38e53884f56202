/** Why a step was not found in the cache, in words: what differs from the last time that the same instruction was built. */

const words: Readonly<Record<string, string>> = {
  below: 'what it stands on has changed',
  command: 'the command has changed',
  files: 'the files have changed',
  environment: 'the environment has changed',
  user: 'the user has changed',
  workingDir: 'the working directory has changed',
  mounts: 'the mounts, or what is in them, have changed',
  network: 'the network has changed',
  platform: 'the platform has changed',
};

/** Variables that are named, at most. */
const most = 5;

export function missReason(
  before: Readonly<Record<string, string>> | undefined,
  now: Readonly<Record<string, string>>,
): string {
  if (before === undefined) return 'it was not built before';
  const names = new Set([...Object.keys(before), ...Object.keys(now)]);
  const changed = [...names].filter((name) => before[name] !== now[name]);
  if (changed.length === 0) return 'its result was removed from the cache';
  const sentences = new Set(
    changed.map((name) => words[name.split('.', 1)[0] ?? ''] ?? `${name} has changed`),
  );
  const details = changed
    .filter((name) => name.includes('.'))
    .map((name) => name.slice(name.indexOf('.') + 1));
  const named = details.slice(0, most).join(', ');
  const more = details.length > most ? `, and ${details.length - most} more` : '';
  return `${[...sentences].join(', ')}${named === '' ? '' : ` (${named}${more})`}`;
}
