/** The mounts of a RUN: what they are made from, what the result depends on of them, and how they are opened. */
import { chmod, chown, mkdir, writeFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { EngineError } from '../../errors/engine-error.ts';
import type { SpecMount } from '../../oci/runtime-spec.ts';
import type { KeyPart } from '../cache/cache-key.ts';
import type { RunInstruction, RunMount, StageInstruction } from '../dockerfile/ast.ts';
import { bindMount } from '../run/bind-mount.ts';
import { agentMount, secretId, secretMount, secretTarget } from '../run/secret-mounts.ts';
import { StepScratch } from '../run/step-scratch.ts';
import type { BuildSession } from './build-session.ts';
import { fromWorkdir } from './image-state.ts';
import type { RunCommand } from './run-command.ts';
import type { InstructionStep } from './stage-result.ts';
import type { StepFiles } from './step-files.ts';

export interface OpenMounts {
  mounts: readonly SpecMount[];
  /** Absolute paths in the container. */
  targets: readonly string[];
  /** `NAME=VALUE`, of secrets and agents. */
  environment: readonly string[];
  /** Of agents alone: what may be written down. */
  openEnvironment: readonly string[];
  /** Once the process has ended. */
  close: () => Promise<void>;
}

export interface StepMounts {
  keyParts: readonly KeyPart[];
  /** Of cache mounts. */
  cacheIds: readonly string[];
  /** `script`: a program that the step brings along. */
  open: (session: BuildSession, script?: RunCommand['script']) => Promise<OpenMounts>;
}

interface PlannedMount {
  mount: RunMount;
  /** Absolute; undefined for a secret that is only a variable. */
  target: string | undefined;
  /** What a bind, or a new cache, is read from. */
  files: StepFiles | undefined;
  key: KeyPart;
}

export async function planMounts(
  session: BuildSession,
  step: InstructionStep & { instruction: RunInstruction; written: StageInstruction },
): Promise<StepMounts> {
  const sources = step.planned.sources.get(step.written) ?? [];
  const mounts = step.state.scope.mountsOf(step.instruction);
  let agents = 0;
  const planned: PlannedMount[] = [];
  for (const [index, mount] of mounts.entries()) {
    const wanted = targetOf(mount, agents);
    if (mount.type === 'ssh') agents += 1;
    const target = wanted === undefined ? undefined : posix.normalize(fromWorkdir(step.state.image, wanted));
    const isRead = mount.type === 'bind' || (mount.type === 'cache' && mount.from !== '');
    const files = isRead ? await step.runner.filesOf(sources[index]) : undefined;
    planned.push({ mount, target, files, key: await keyPartOf(session, mount, target, files) });
  }
  return {
    keyParts: planned.map(({ key }) => key),
    cacheIds: planned.filter(({ mount }) => mount.type === 'cache').map(cacheId),
    open: (opening, script) => openMounts(opening, planned, script),
  };
}

function targetOf(mount: RunMount, agents: number): string | undefined {
  if (mount.type === 'secret') return secretTarget(mount);
  if (mount.type === 'ssh') return mount.target || `/run/buildkit/ssh_agent.${agents}`;
  return mount.target;
}

/** Of secrets, agents and caches only that they are there: what is in them is not to change the result. */
async function keyPartOf(
  { files, signal }: BuildSession,
  mount: RunMount,
  target: string | undefined,
  read: StepFiles | undefined,
): Promise<KeyPart> {
  const { type, readOnly, sharing, uid, gid, mode, size, env, required } = mount;
  switch (type) {
    case 'tmpfs':
      return { type, target, size };
    case 'secret':
      return { type, target, id: secretId(mount), env, uid, gid, mode, required };
    case 'ssh':
      return { type, target, id: mount.id, uid, gid, mode, required };
    case 'cache':
      return { type, target, id: mount.id, sharing, readOnly, from: mount.from, source: mount.source };
    case 'bind': {
      const patterns = [mount.source || '/'];
      const sources = read === undefined ? [] : [{ kind: 'files' as const, ...read, patterns }];
      return { type, target, readOnly, content: await files.digestOf({ sources }, signal) };
    }
  }
}

/** Of a cache: its ID, or where it is mounted; one that begins otherwise is another one. */
function cacheId({ mount, target = '/' }: PlannedMount): string {
  const { uid, gid, mode, from, source } = mount;
  const begins = from === '' ? [uid, gid, mode] : [from, source, uid, gid, mode];
  const suffix = begins.every((one) => one === undefined)
    ? ''
    : ` (${begins.map((one) => one ?? '').join(' ')})`;
  return `${mount.id || target}${suffix}`;
}

async function openMounts(
  session: BuildSession,
  planned: readonly PlannedMount[],
  script: RunCommand['script'],
): Promise<OpenMounts> {
  if (planned.length === 0 && script === undefined)
    return { mounts: [], targets: [], environment: [], openEnvironment: [], close: async () => undefined };
  const scratch = await StepScratch.make(session.engine.config);
  try {
    const mounts: SpecMount[] = [];
    const environment: string[] = [];
    const openEnvironment: string[] = [];
    if (script !== undefined) mounts.push(await scriptMount(script, scratch));
    for (const one of planned) {
      const opened = await openMount(session, one, scratch);
      if (opened.mount !== undefined) mounts.push(opened.mount);
      environment.push(...opened.environment);
      if (one.mount.type === 'ssh') openEnvironment.push(...opened.environment);
    }
    return {
      // Those that others are in come first.
      mounts: mounts.toSorted((one, other) => depthOf(one) - depthOf(other)),
      targets: mounts.map(({ destination }) => destination),
      environment,
      openEnvironment,
      close: () => scratch.close(),
    };
  } catch (error) {
    await scratch.close();
    throw error;
  }
}

/** A here-document that is a program: executable, in a directory of its own. */
async function scriptMount(
  { path, name, content }: NonNullable<RunCommand['script']>,
  scratch: StepScratch,
): Promise<SpecMount> {
  const directory = scratch.path();
  await mkdir(directory, { mode: 0o755 });
  await writeFile(join(directory, name), content);
  await chmod(join(directory, name), 0o755);
  return { destination: path, type: 'bind', source: directory, options: ['rbind', 'rprivate', 'ro'] };
}

function depthOf({ destination }: SpecMount): number {
  return destination.split('/').length;
}

interface Opened {
  mount?: SpecMount;
  environment: readonly string[];
}

async function openMount(
  session: BuildSession,
  planned: PlannedMount,
  scratch: StepScratch,
): Promise<Opened> {
  const { mount, target = '/' } = planned;
  const { request, signal } = session;
  switch (mount.type) {
    case 'bind':
      return { mount: await openBind(session, planned, scratch), environment: [] };
    case 'cache':
      return { mount: await openCache(session, planned, scratch), environment: [] };
    case 'tmpfs': {
      const size = mount.size === undefined ? [] : [`size=${mount.size}`];
      const options = ['nosuid', 'nodev', ...size];
      return { mount: { destination: target, type: 'tmpfs', source: 'tmpfs', options }, environment: [] };
    }
    case 'secret':
      return await secretMount(mount, planned.target, request.secrets, scratch, signal);
    case 'ssh':
      return await agentMount(mount, target, request.secrets, scratch, signal);
  }
}

async function openBind(
  session: BuildSession,
  { mount, target = '/', files }: PlannedMount,
  scratch: StepScratch,
): Promise<SpecMount> {
  const { drafts } = session.workshop.snapshots;
  const tree = files?.tree ?? { kind: 'layers', trees: [] };
  const source = mount.source || '/';
  const bind = { tree, source, target, readOnly: mount.readOnly };
  if (files === undefined || files.ignore.length === 0) {
    const mounted = await bindMount(bind, scratch, drafts);
    if (mounted !== undefined) return mounted;
  }
  // The context's directory may hold what the ignore file leaves out; a stage may have more layers than can be mounted so.
  const root = await copied(session, files ?? { tree, ignore: [] }, scratch);
  const mounted = await bindMount({ ...bind, tree: { kind: 'directory', root } }, scratch, drafts);
  if (mounted !== undefined) return mounted;
  throw new EngineError('internal', `cannot mount ${source} at ${target}`);
}

/** A directory with a copy of all of them, until the scratch is closed. */
async function copied(session: BuildSession, files: StepFiles, scratch: StepScratch): Promise<string> {
  const { drafts } = session.workshop.snapshots;
  const draft = drafts.begin();
  scratch.onClose(() => drafts.drop(draft));
  const sources = [{ kind: 'files' as const, ...files, patterns: ['/'] }];
  const target = { upper: draft.upper, work: draft.work, lower: [] };
  await session.files.copy(
    { keyword: 'COPY', sources, destination: '/', workdir: '/', target },
    session.signal,
  );
  return draft.upper;
}

async function openCache(
  session: BuildSession,
  planned: PlannedMount,
  scratch: StepScratch,
): Promise<SpecMount> {
  const { mount, target = '/', files } = planned;
  const opened = await session.cacheMounts.open(cacheId(planned), mount.sharing, session.signal);
  scratch.onClose(opened.release);
  if (opened.isNew) {
    if (files !== undefined) await fill(session, opened.root, files, mount.source || '/');
    if (mount.uid !== undefined || mount.gid !== undefined)
      await chown(opened.root, mount.uid ?? 0, mount.gid ?? 0);
    if (mount.mode !== undefined) await chmod(opened.root, mount.mode);
  }
  const options = ['rbind', 'rprivate', ...(mount.readOnly ? ['ro'] : [])];
  return { destination: target, type: 'bind', source: opened.root, options };
}

async function fill(
  { files, workshop, signal }: BuildSession,
  root: string,
  from: StepFiles,
  source: string,
): Promise<void> {
  const draft = workshop.snapshots.drafts.begin();
  try {
    const target = { upper: root, work: draft.work, lower: [] };
    const sources = [{ kind: 'files' as const, ...from, patterns: [source] }];
    await files.copy({ keyword: 'COPY', sources, destination: '/', workdir: '/', target }, signal);
  } finally {
    await workshop.snapshots.drafts.drop(draft);
  }
}
