/** COPY and ADD: what they read, what their result depends on, and how their layer is filled. */
import type { LayerDraft } from '../../snapshots/layer-drafts.ts';
import type { KeyParts } from '../cache/cache-key.ts';
import type { AddInstruction, CopyInstruction } from '../dockerfile/ast.ts';
import { kindOfSource } from '../dockerfile/source-kind.ts';
import type { CopyOperation, CopySource } from '../files/files-types.ts';
import { openGitAccess } from '../run/git-access.ts';
import type { BuildSession } from './build-session.ts';
import type { ImageState } from './image-state.ts';
import type { StepFiles } from './step-files.ts';

type Transferring = CopyInstruction | AddInstruction;

export interface Transfer {
  parts: KeyParts;
  /** `lower`: the stage's file system, top layer first. */
  fill: (draft: LayerDraft, lower: readonly string[]) => Promise<void>;
  /** Gives back what was brought for it. */
  close: () => Promise<void>;
}

/** `local`: what paths among the sources are read from. Errors of files that are not there, and of downloads. */
export async function prepareTransfer(
  session: BuildSession,
  instruction: Transferring,
  image: ImageState,
  local: () => Promise<StepFiles>,
): Promise<Transfer> {
  const releases: Array<() => Promise<void>> = [];
  const close = async (): Promise<void> => {
    for (const release of releases.splice(0)) await release();
  };
  try {
    const sources = await sourcesOf(session, instruction, local, releases);
    const operation = operationOf(session, instruction, image);
    const files = await session.files.digestOf({ ...operation, sources }, session.signal);
    const { sourceDateEpoch } = session.request;
    return {
      parts: { command: { ...operation, link: instruction.link }, files, epoch: sourceDateEpoch },
      fill: async (draft, lower) => {
        const { upper, work } = draft;
        const target = { upper, work, lower: instruction.link ? [] : lower };
        const accounts = instruction.link ? { accounts: lower } : {};
        await session.files.copy({ ...operation, sources, target, ...accounts }, session.signal);
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function operationOf(
  { request }: BuildSession,
  instruction: Transferring,
  { process }: ImageState,
): Omit<CopyOperation, 'sources' | 'target' | 'accounts'> {
  const { chown, chmod, destination, exclude } = instruction;
  // Tars that are downloaded stay as they are, unless the file says otherwise.
  const unpack = instruction.kind === 'add' && (instruction.unpack ?? 'local');
  return {
    keyword: instruction.kind === 'add' ? 'ADD' : 'COPY',
    destination,
    workdir: process.WorkingDir || '/',
    ...(chown === undefined ? {} : { chown }),
    ...(chmod === undefined ? {} : { chmod }),
    ...(instruction.kind === 'copy' && instruction.parents ? { parents: true } : {}),
    ...(exclude.length === 0 ? {} : { exclude }),
    ...(unpack === false ? {} : { unpack }),
    ...(request.sourceDateEpoch === undefined ? {} : { createdAt: request.sourceDateEpoch }),
  };
}

async function sourcesOf(
  session: BuildSession,
  instruction: Transferring,
  local: () => Promise<StepFiles>,
  releases: Array<() => Promise<void>>,
): Promise<CopySource[]> {
  const sources: CopySource[] = [];
  for (const group of groupsOf(instruction)) {
    if (group.kind === 'local') {
      const { tree, ignore } = await local();
      sources.push({ kind: 'files', tree, ignore, patterns: group.patterns });
      continue;
    }
    const fetched = await fetchSource(session, instruction, group);
    releases.push(() => fetched.release());
    sources.push(fetched.source);
  }
  for (const { name, content } of instruction.files)
    sources.push({ kind: 'inline', name, content: Buffer.from(content) });
  return sources;
}

type Group = { kind: 'local'; patterns: string[] } | { kind: 'http' | 'git'; url: string };

/** In order; paths that follow each other in one. */
function groupsOf(instruction: Transferring): Group[] {
  const groups: Group[] = [];
  for (const source of instruction.sources) {
    const kind = instruction.kind === 'copy' ? 'local' : kindOfSource(source);
    const last = groups.at(-1);
    if (kind !== 'local') groups.push({ kind, url: source });
    else if (last?.kind === 'local') last.patterns.push(source);
    else groups.push({ kind, patterns: [source] });
  }
  return groups;
}

async function fetchSource(
  { engine, files, request, signal }: BuildSession,
  instruction: Transferring,
  { kind, url }: Extract<Group, { url: string }>,
): Promise<{ source: CopySource; release: () => Promise<void> }> {
  const checksum = instruction.kind === 'add' ? instruction.checksum : undefined;
  const keepGitDir = instruction.kind === 'add' ? instruction.keepGitDir : undefined;
  const checked = checksum === undefined ? {} : { checksum };
  if (kind === 'http') return await files.fetchHttp({ url, ...checked }, signal);
  const kept = keepGitDir === undefined ? {} : { keepGitDir };
  const { access, close } = await openGitAccess(engine, request.secrets, url, signal);
  try {
    return await files.fetchGit({ url, ...checked, ...kept, ...access }, signal);
  } finally {
    await close();
  }
}
