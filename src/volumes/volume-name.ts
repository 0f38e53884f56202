/** Names of volumes: which are allowed, and how an anonymous one is made. */
import { randomBytes } from 'node:crypto';
import { EngineError } from '../errors/engine-error.ts';

/** Marks a volume that nobody named: `rm -v` and `volume prune` take it away. */
export const anonymousLabel = 'com.docker.volume.anonymous';

const allowed = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;
const longest = 255;

/** 64 hex digits. */
export function anonymousVolumeName(): string {
  return randomBytes(32).toString('hex');
}

/** The name becomes a directory's: nothing in it may lead elsewhere. EngineError `invalid-argument` in Docker's words. */
export function validateVolumeName(name: string): void {
  if (allowed.test(name) && name.length <= longest) return;
  throw new EngineError('invalid-argument', `create ${name}: ${complaint(name)}`);
}

function complaint(name: string): string {
  if (name.length === 1) {
    return 'volume name is too short, names should be at least two alphanumeric characters';
  }
  if (allowed.test(name)) return `volume name is too long, names have at most ${longest} characters`;
  return `"${name}" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path`;
}
