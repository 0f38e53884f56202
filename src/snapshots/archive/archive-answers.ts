/** What the daemon's thread answers a thread that reads trees: attributes, which only the launcher reads; and what such a thread's failure is. */
import { constants } from 'node:os';
import { EngineError, type ErrorCode, errorCodes } from '../../errors/engine-error.ts';
import type { Launcher } from '../../host/launcher-types.ts';
import type { ArchiveReply, Attributes } from './archive-messages.ts';

export type AttributeQuestion = Extract<ArchiveReply, { kind: 'attributes' }>;

/** Attributes for which a file has no place or no right are none. */
const forgivable = new Set<number>([
  constants.errno.ENOENT,
  constants.errno.ENOTDIR,
  constants.errno.ELOOP,
  constants.errno.ESTALE,
  // Deeper than a path can be: such names are written without.
  constants.errno.ENAMETOOLONG,
]);

/** EngineError where attributes are there and can't be read. */
export async function answerAttributes(
  launcher: Pick<Launcher, 'attributes'>,
  { root, paths, prefixes }: AttributeQuestion,
): Promise<Attributes[]> {
  const names = paths.map((path) => Buffer.from(path, 'latin1'));
  const found = await launcher.attributes(Buffer.from(root, 'latin1'), names, prefixes);
  return found.map((attributes, index): Attributes => {
    if (typeof attributes !== 'number') return attributes;
    if (forgivable.has(attributes)) return undefined;
    throw unreadable(names[index], attributes);
  });
}

function unreadable(name: Buffer | undefined, errno: number): EngineError {
  const path = name?.toString() ?? '';
  if (errno === constants.errno.E2BIG) {
    return new EngineError(
      'resource-exhausted',
      `${path} has more extended attributes than an archive can hold`,
      {
        hint: 'remove some of its attributes in the container',
      },
    );
  }
  return new EngineError('internal', `cannot read the extended attributes of ${path}: errno ${errno}`);
}

function isErrorCode(code: string | undefined): code is ErrorCode {
  return errorCodes.some((known) => known === code);
}

export function failureOf(reply: Extract<ArchiveReply, { kind: 'failed' }>): EngineError {
  const { code, errno, message, hint } = reply;
  if (isErrorCode(code)) return new EngineError(code, message, hint === undefined ? {} : { hint });
  const exhausted = errno === 'EMFILE' || errno === 'ENFILE';
  return new EngineError(exhausted ? 'resource-exhausted' : 'internal', `cannot read the layers: ${message}`);
}
