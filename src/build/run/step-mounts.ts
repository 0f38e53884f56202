/** The mounts of a RUN: what its result depends on of them, and how they are opened for its process. */
import type { SpecMount } from '../../oci/runtime-spec.ts';
import type { KeyPart } from '../cache/cache-key.ts';
import type { BuildSession } from '../machine/build-session.ts';

export interface OpenMounts {
  mounts: readonly SpecMount[];
  /** Absolute paths in the container. */
  targets: readonly string[];
  /** `NAME=VALUE`, of secrets and agents. */
  environment: readonly string[];
  /** Once the process has ended. */
  close: () => Promise<void>;
}

export interface StepMounts {
  keyParts: readonly KeyPart[];
  /** Of cache mounts. */
  cacheIds: readonly string[];
  open: (session: BuildSession) => Promise<OpenMounts>;
}
