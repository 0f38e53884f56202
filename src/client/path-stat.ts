/** What stands at a path in a container, as the daemon tells it in a header. */
import { type ContainerPathStat, pathStatHeader } from '../wire/archive.ts';
import { segment } from './query.ts';

export function archivePath(container: string): string {
  return `/containers/${segment(container)}/archive`;
}

export function decodePathStat(headers: ReadonlyMap<string, string>): ContainerPathStat | undefined {
  const text = headers.get(pathStatHeader.toLowerCase());
  if (text === undefined) return undefined;
  const stat: ContainerPathStat = JSON.parse(Buffer.from(text, 'base64').toString());
  return stat;
}
