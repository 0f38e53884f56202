/** Which user and groups a process runs as: `USER[:GROUP]` looked up in the image's own passwd and group files. */
import { EngineError } from '../../errors/engine-error.ts';

export interface ResolvedUser {
  uid: number;
  gid: number;
  /** The primary group first, as Docker has it (so that no capability check is fooled by its absence). */
  additionalGids: number[];
  /** Home directory; `/` where passwd has no entry. */
  home: string;
}

interface PasswdEntry {
  name: string;
  uid: number;
  gid: number;
  home: string;
}

interface GroupEntry {
  name: string;
  gid: number;
  members: string[];
}

const largestId = 2 ** 31 - 1;

/**
 * Resolves `user` (`''`, `name`, `uid`, each with an optional `:group`) and `groupAdd` (names or numbers) against the contents of
 * /etc/passwd and /etc/group ('' where missing). Numbers need no entry. EngineError `internal` in Docker's words otherwise,
 * because it is the start that fails.
 */
export function resolveUser(
  user: string,
  groupAdd: readonly string[],
  passwd: string,
  group: string,
): ResolvedUser {
  const [userName = '', groupName = ''] = splitUser(user);
  const groups = parseGroup(group);
  const account = findAccount(userName, parsePasswd(passwd));
  const primary = groupName === '' ? account.gid : findGroup(groupName, groups);
  const implicit =
    groupName === '' && account.name !== '' ? groups.filter((g) => g.members.includes(account.name)) : [];
  const added = groupAdd.map((name) => findAddedGroup(name, groups));
  const additionalGids = [...new Set([primary, ...implicit.map((g) => g.gid), ...added])];
  return { uid: account.uid, gid: primary, additionalGids, home: account.home };
}

function splitUser(user: string): string[] {
  const colon = user.indexOf(':');
  return colon < 0 ? [user] : [user.slice(0, colon), user.slice(colon + 1)];
}

function findAccount(name: string, entries: readonly PasswdEntry[]): PasswdEntry {
  const number = numberOf(name);
  const wantedUid = name === '' ? 0 : number;
  const entry = entries.find((e) => (name !== '' && e.name === name) || e.uid === wantedUid);
  if (entry !== undefined) return { ...entry, home: entry.home || '/' };
  if (wantedUid === undefined)
    throw notFound(`unable to find user ${name}: no matching entries in passwd file`);
  return { name: '', uid: inRange(wantedUid), gid: 0, home: '/' };
}

function findGroup(name: string, groups: readonly GroupEntry[]): number {
  const number = numberOf(name);
  const entry = groups.find((g) => g.name === name || g.gid === number);
  if (entry !== undefined) return entry.gid;
  if (number === undefined) throw notFound(`unable to find group ${name}: no matching entries in group file`);
  return inRange(number);
}

function findAddedGroup(name: string, groups: readonly GroupEntry[]): number {
  const number = numberOf(name);
  const entry = groups.find((g) => g.name === name || g.gid === number);
  if (entry !== undefined) return entry.gid;
  if (number === undefined) throw notFound(`Unable to find group ${name}`);
  return inRange(number);
}

function numberOf(text: string): number | undefined {
  return /^-?\d+$/.test(text) ? Number(text) : undefined;
}

function inRange(id: number): number {
  if (id >= 0 && id <= largestId) return id;
  throw new EngineError('internal', `uids and gids must be in range 0-${largestId}`);
}

function notFound(message: string): EngineError {
  return new EngineError('internal', message, {
    hint: "Use a name that the image's /etc/passwd or /etc/group has, or a number.",
  });
}

function fieldsOf(text: string): string[][] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(':'));
}

/** passwd(5). Lines without numbers are skipped. */
function parsePasswd(text: string): PasswdEntry[] {
  return fieldsOf(text)
    .map(([name = '', , uid = '', gid = '', , home = '']) => ({
      name,
      uid: numberOf(uid),
      gid: numberOf(gid),
      home,
    }))
    .filter((entry): entry is PasswdEntry => entry.uid !== undefined && entry.gid !== undefined);
}

/** group(5). */
function parseGroup(text: string): GroupEntry[] {
  return fieldsOf(text)
    .map(([name = '', , gid = '', members = '']) => ({
      name,
      gid: numberOf(gid),
      members: members.split(','),
    }))
    .filter((entry): entry is GroupEntry => entry.gid !== undefined);
}
