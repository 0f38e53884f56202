/** `/gantry/undo`. */
import { dropRemoved, listUndo, restoreRemoved } from '../engine/undo.ts';
import type { UndoEntry } from '../engine/undo-store.ts';
import type { RemovedObject } from '../wire/undo.ts';
import type { Call } from './call.ts';
import { rfc3339 } from './timestamps.ts';

export function getUndo(call: Call): RemovedObject[] {
  return listUndo(call.engine).map((entry) => encode(call, entry));
}

/** Restores what `name` says, or what was removed last. */
export async function postUndo(call: Call): Promise<RemovedObject[]> {
  const restored = await restoreRemoved(call.engine, call.query.optional('name'));
  return restored.map((entry) => encode(call, entry));
}

/** Gives up what `name` says, or all. */
export function deleteUndo(call: Call): RemovedObject[] {
  return dropRemoved(call.engine, call.query.optional('name')).map((entry) => encode(call, entry));
}

function encode({ engine }: Call, entry: UndoEntry): RemovedObject {
  return {
    Id: entry.id,
    Kind: entry.kind,
    Name: entry.name,
    RemovedAt: rfc3339(entry.removedAt),
    ExpiresAt: rfc3339(engine.undo.expiresAt(entry)),
    Size: entry.size ?? -1,
  };
}
