/** What a scoped socket may be allowed: NOUN:VERB, and the short forms that users write. */
import { EngineError } from '../errors/engine-error.ts';

const verbs = {
  containers: ['read', 'logs', 'write', 'exec', 'copy'],
  images: ['read', 'write'],
  networks: ['read', 'write'],
  volumes: ['read', 'write'],
  system: ['read', 'write'],
  build: ['write'],
  events: ['read'],
} as const;

type Noun = keyof typeof verbs;
export type Permission = { [N in Noun]: `${N}:${(typeof verbs)[N][number]}` }[Noun];

export const allPermissions: readonly Permission[] = Object.entries(verbs).flatMap(([noun, list]) =>
  // The product of the table's keys and values, which the type above spells out.
  list.map((verb) => `${noun}:${verb}` as Permission),
);

/** Verbs that users take for nouns. */
const shortForms: ReadonlyMap<string, readonly Permission[]> = new Map([
  ['all', allPermissions],
  ['exec', ['containers:exec']],
  ['logs', ['containers:logs']],
]);

/** Permissions that decide which events are seen, by the type of what they happen to. */
const eventReaders: readonly Permission[] = [
  'containers:read',
  'images:read',
  'networks:read',
  'volumes:read',
  'system:read',
  'build:write',
];

/**
 * The permissions that `words` name. EngineError `invalid-argument` for words that name none, for no words, and for
 * events of nothing: a socket sees the events of what it may read.
 */
export function parsePermissions(words: readonly string[]): ReadonlySet<Permission> {
  if (words.every((word) => word === '')) {
    throw new EngineError('invalid-argument', 'a scoped socket without permissions is of no use', {
      hint: 'Say what it can do, as in --allow containers:read,events.',
    });
  }
  const permissions = new Set(words.flatMap(permissionsOf));
  if (permissions.has('events:read') && !eventReaders.some((one) => permissions.has(one))) {
    throw new EngineError(
      'invalid-argument',
      'events alone shows nothing: a socket sees the events of what it may read',
      {
        hint: 'Add what it watches, as in --allow containers:read,events.',
      },
    );
  }
  return permissions;
}

/** `containers:read`, `containers`, `containers:all`, `events`, `logs`, `all`. */
function permissionsOf(word: string): readonly Permission[] {
  const short = shortForms.get(word);
  if (short !== undefined) return short;
  const [noun = '', verb = 'all', ...more] = word.split(':');
  const found = allPermissions.filter(
    (one) => one === word || (verb === 'all' && more.length === 0 && one.startsWith(`${noun}:`)),
  );
  if (noun !== '' && found.length > 0) return found;
  throw new EngineError('invalid-argument', `unknown permission ${JSON.stringify(word)}`, {
    hint: `Permissions are ${allPermissions.join(', ')}; a noun alone means all of its verbs, and all means everything.`,
  });
}
