/** Puts the terminal into raw mode, in which every key goes to the container. */
import { spawnSync } from 'node:child_process';

/**
 * Makes descriptor 0 raw and gives back what undoes it, once. By stty, because Node's setRawMode leaves the
 * translation of line ends on, which breaks full-screen programs; by setRawMode where there is no stty.
 */
export function enterRawMode(): () => void {
  const saved = stty(['-g']);
  const raw = saved === undefined ? undefined : stty(['raw', '-echo']);
  if (raw === undefined) process.stdin.setRawMode(true);
  const restore = () => {
    process.off('exit', restore);
    if (saved === undefined || raw === undefined) process.stdin.setRawMode(false);
    else stty([saved]);
  };
  process.on('exit', restore);
  return restore;
}

/** What stty prints, or undefined if it failed. */
function stty(words: string[]): string | undefined {
  const result = spawnSync('stty', words, { stdio: ['inherit', 'pipe', 'ignore'], encoding: 'utf8' });
  return result.status === 0 ? result.stdout.trim() : undefined;
}
