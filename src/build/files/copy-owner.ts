/** Whom `--chown` names: numbers as they are, names by the passwd and group files of the stage that is copied into. */
import { resolveUser } from '../../engine/spec/user.ts';
import { EngineError, messageOf } from '../../errors/engine-error.ts';
import { readLayeredFile } from '../../snapshots/layered-files.ts';
import type { Owner } from './files-messages.ts';

/**
 * `USER[:GROUP]`. A number without a group is the group's too; a name has the group that passwd gives it. `trees`: top first.
 * EngineError `invalid-argument` where there is no such name.
 */
export function ownerOf(chown: string, trees: readonly string[]): Owner {
  const numbers = /^(\d+)(?::(\d+))?$/.exec(chown);
  try {
    if (numbers !== null) {
      const { uid } = resolveUser(numbers[1] ?? '', [], '', '');
      return { uid, gid: numbers[2] === undefined ? uid : resolveUser(`0:${numbers[2]}`, [], '', '').gid };
    }
    const { uid, gid } = resolveUser(chown, [], read(trees, '/etc/passwd'), read(trees, '/etc/group'));
    return { uid, gid: /^\d+$/.test(chown) ? uid : gid };
  } catch (error) {
    throw new EngineError('invalid-argument', `invalid --chown=${chown}: ${messageOf(error)}`, {
      cause: error,
      hint: "write numbers, or names that the stage's /etc/passwd and /etc/group have",
    });
  }
}

function read(trees: readonly string[], path: string): string {
  return readLayeredFile(trees, path)?.toString('utf8') ?? '';
}
