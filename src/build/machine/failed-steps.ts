/** Steps whose command failed, kept for `build shell`: file system, mounts and environment as the command had them. */
import { mkdir, rename, rmdir } from 'node:fs/promises';
import type { Engine } from '../../engine/engine.ts';
import type { ContainerRecord, MountPoint } from '../../engine/model.ts';
import { newId } from '../../engine/names.ts';
import { containerFiles } from '../../engine/paths.ts';
import { removeContainer } from '../../engine/remove.ts';
import { startContainer } from '../../engine/start.ts';
import { EngineError } from '../../errors/engine-error.ts';
import type { BuildLease } from '../../images/image-builds.ts';
import type { SpecMount } from '../../oci/runtime-spec.ts';
import type { LayerDraft } from '../../snapshots/layer-drafts.ts';
import { existsLayered } from '../../snapshots/layered-files.ts';
import { type StepRecord, stepRecord } from '../run/step-record.ts';

/** Milliseconds for which a step is kept, and how many are. */
const keptFor = 3600_000;
const mostKept = 8;

export interface FailedStep {
  buildId: string;
  vertex: string;
  /** Nobody else's any more. */
  draft: LayerDraft;
  /** Chain IDs of the layers below, base layer first, held by `lease`. */
  below: readonly string[];
  lease: BuildLease;
  process: Omit<StepRecord, 'id' | 'args'>;
  /** What its commands are given to. */
  shell: readonly string[];
  mounts: readonly SpecMount[];
  closeMounts: () => Promise<void>;
}

interface Kept {
  step: FailedStep;
  timer: NodeJS.Timeout;
  /** Once it was opened. */
  container: Promise<string> | undefined;
}

export class FailedSteps {
  readonly #engine: Engine;
  /** Oldest first. */
  readonly #kept: Kept[] = [];

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  keep(step: FailedStep): void {
    const kept: Kept = {
      step,
      timer: setTimeout(() => this.#dropQuietly(kept), keptFor).unref(),
      container: undefined,
    };
    this.#kept.push(kept);
    const [oldest] = this.#kept;
    if (this.#kept.length > mostKept && oldest !== undefined) this.#dropQuietly(oldest);
  }

  /** The ID of a container that stands where the command stood; it is on no list. EngineErrors `not-found`, `failed-precondition`. */
  async open(buildId: string, vertex: string | undefined): Promise<string> {
    const kept = this.#kept.findLast(
      ({ step }) => step.buildId === buildId && (vertex === undefined || step.vertex === vertex),
    );
    if (kept === undefined)
      throw new EngineError('not-found', `no failed step is kept of build ${buildId}`, {
        hint: 'steps are kept for an hour, where the build was told to keep what fails',
      });
    kept.container ??= this.#start(kept.step);
    return await kept.container;
  }

  async close(): Promise<void> {
    for (const kept of [...this.#kept]) await this.#drop(kept);
  }

  async #start(step: FailedStep): Promise<string> {
    const { snapshots, containers, config } = this.#engine;
    const record = recordOf(step, this.#shellOf(step));
    await snapshots.create(record.id, step.below);
    const { upper } = snapshots.mount(record.id);
    await rmdir(upper);
    await rename(step.draft.upper, upper);
    await mkdir(containerFiles(config, record.id).directory, { recursive: true, mode: 0o710 });
    containers.reserveName(record.name, record.id);
    containers.add(record);
    await startContainer(this.#engine, record.id);
    return record.id;
  }

  /** Something that waits: a shell that reads what nobody writes. */
  #shellOf({ draft, below, shell }: FailedStep): string {
    const trees = [draft.upper, ...this.#engine.snapshots.trees(below)];
    const found = [shell[0] ?? '', '/bin/sh', '/bin/bash', '/busybox/sh'].find((path) =>
      existsLayered(trees, path),
    );
    if (found !== undefined) return found;
    throw new EngineError('failed-precondition', 'the failed step has no shell in its file system', {
      hint: 'add one to the stage, for example COPY --from=busybox /bin/sh /bin/sh',
    });
  }

  #dropQuietly(kept: Kept): void {
    this.#drop(kept).catch((err: unknown) =>
      this.#engine.log.warn({ err }, 'could not remove all of a failed step of a build'),
    );
  }

  async #drop(kept: Kept): Promise<void> {
    const index = this.#kept.indexOf(kept);
    if (index === -1) return;
    this.#kept.splice(index, 1);
    clearTimeout(kept.timer);
    const id = await kept.container?.catch(() => undefined);
    if (id !== undefined && this.#engine.containers.has(id))
      await removeContainer(this.#engine, id, { force: true, volumes: false, link: false });
    await this.#engine.snapshots.drafts.drop(kept.step.draft);
    await kept.step.closeMounts();
    await this.#engine.images.builds.release(kept.step.lease);
  }
}

/** For the start: what an earlier daemon had opened. */
export async function removeHidden(engine: Engine): Promise<void> {
  for (const { id, record } of engine.containers.list())
    if (record.hidden === true)
      await removeContainer(engine, id, { force: true, volumes: false, link: false });
}

function recordOf({ process, mounts }: FailedStep, shell: string): ContainerRecord {
  const id = newId();
  const record = stepRecord({ ...process, id, args: [shell] });
  return {
    ...record,
    name: `build_${id.slice(0, 12)}`,
    hidden: true,
    config: { ...record.config, openStdin: true, hostname: id.slice(0, 12) },
    hostConfig: {
      ...record.hostConfig,
      networkMode: record.hostConfig.networkMode === '' ? 'default' : record.hostConfig.networkMode,
    },
    mounts: mounts.map(mountPointOf),
  };
}

function mountPointOf({ destination, type, source, options }: SpecMount): MountPoint {
  const isReadOnly = options.includes('ro');
  const common = { destination, mode: '', readWrite: !isReadOnly, propagation: 'rprivate' };
  if (type === 'bind') return { ...common, type: 'bind', source };
  if (type === 'tmpfs') return { ...common, type: 'tmpfs', source: '', tmpfsOptions: options };
  return {
    ...common,
    type: 'bind',
    source: '',
    filesystem: { type, device: source, options: options.filter((option) => option !== 'ro') },
  };
}
