/** Extended attributes in an archiving thread: only the daemon's thread can read them, through the launcher, so they are asked for. */
import { EngineError } from '../../errors/engine-error.ts';
import type { ArchiveReply, Attributes } from './archive-messages.ts';
import type { ReadOpaque } from './merged-names.ts';

/** Others are of this host alone: labels of its security module, marks of its overlay. */
const archivedAttributes = ['user.', 'security.capability'];
const overlayOfUsers = 'user.overlay.';
const opaqueMark = 'trusted.overlay.opaque';
/** Of directories and files whose content is elsewhere: Gantry's mounts make none. */
const displacedMarks = ['trusted.overlay.redirect', 'trusted.overlay.metacopy'];

function checkPlain(attributes: Attributes): Attributes {
  if (!displacedMarks.some((mark) => attributes?.has(mark))) return attributes;
  throw new EngineError(
    'failed-precondition',
    'the container’s layer has directories or files whose content is elsewhere (overlay redirect_dir or metacopy)',
    { hint: 'restart the container, and write or rename them again' },
  );
}

/** One question at a time. */
export class AttributeReader {
  readonly #send: (question: Extract<ArchiveReply, { kind: 'attributes' }>) => void;
  #onAnswer: ((results: readonly Attributes[]) => void) | undefined;

  constructor(send: (question: Extract<ArchiveReply, { kind: 'attributes' }>) => void) {
    this.#send = send;
  }

  answer(results: readonly Attributes[]): void {
    this.#onAnswer?.(results);
  }

  readonly readOpaque: ReadOpaque = async (directory, names) => {
    const results = await this.#ask(directory.publicPath, names, [opaqueMark, ...displacedMarks]);
    return new Set(
      names.filter((_, index) => {
        const marks = checkPlain(results[index]);
        return Buffer.from(marks?.get(opaqueMark) ?? []).toString() === 'y';
      }),
    );
  };

  readonly readAttributes = async (
    tree: string,
    paths: readonly string[],
  ): Promise<readonly Attributes[]> => {
    const results = await this.#ask(tree, paths, [...archivedAttributes, ...displacedMarks]);
    return results.map((attributes) => {
      const kept = [...(checkPlain(attributes) ?? [])].filter(([name]) => !name.startsWith(overlayOfUsers));
      return attributes && new Map(kept);
    });
  };

  async #ask(
    root: string,
    paths: readonly string[],
    prefixes: readonly string[],
  ): Promise<readonly Attributes[]> {
    if (paths.length === 0) return [];
    this.#send({ kind: 'attributes', root, paths, prefixes });
    return await new Promise((resolve) => {
      this.#onAnswer = resolve;
    });
  }
}
