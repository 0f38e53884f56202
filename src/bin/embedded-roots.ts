/** The directories of an embedded engine: which of them it has made, and may remove with all that is in them. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** A file that says: this exec root was made for an embedded engine, by this one or one before it. */
const marker = 'made-for-embedded-engine';

/** A data root of the moment. */
export function temporaryDataRoot(): string {
  return mkdtempSync(join(tmpdir(), 'gantry-engine-'));
}

/** Takes an exec root that is not there, or empty, for the engine's own. True if it did: then there was nothing in it. */
export function claimExecRoot(path: string): boolean {
  if (existsSync(path) && readdirSync(path).length > 0) return false;
  mkdirSync(path, { recursive: true, mode: 0o711 });
  writeFileSync(join(path, marker), '');
  return true;
}

/** Removes it if it is the engine's own; a directory that somebody else has filled stays. */
export function removeExecRoot(path: string): void {
  if (!existsSync(join(path, marker))) return;
  rmSync(path, { recursive: true, force: true });
  try {
    rmdirSync(dirname(path));
  } catch {
    // Others are in it.
  }
}
