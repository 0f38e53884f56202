/** The first step of a volume's removal where it is to be kept for a while. */
import { randomBytes } from 'node:crypto';
import type { Volume } from '../volumes/volume-types.ts';
import type { Engine } from './engine.ts';

/** Notes that a volume is about to be removed, and says where its files are to be moved. Undefined where nothing is kept. */
export function beginVolumeUndo(
  { undo }: Partial<Pick<Engine, 'undo'>>,
  volume: Volume,
  group?: string,
): { place: string; id: string } | undefined {
  if (undo?.isOn !== true) return undefined;
  const id = randomBytes(32).toString('hex');
  try {
    undo.begin({ id, kind: 'volume', name: volume.name, group: group ?? id, removedAt: Date.now(), volume });
  } catch {
    /* A full disk is no reason to keep what is removed from it. */
    return undefined;
  }
  return { id, place: undo.place(id, 'volume') };
}
