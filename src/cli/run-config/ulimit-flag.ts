/** `--ulimit nofile=1024:2048`. */
import { EngineError } from '../../errors/engine-error.ts';
import type { Ulimit } from '../../wire/host-config.ts';
import type { FlagSpec } from '../flags/flag.ts';

const names = new Set([
  'as',
  'core',
  'cpu',
  'data',
  'fsize',
  'locks',
  'memlock',
  'msgqueue',
  'nice',
  'nofile',
  'nproc',
  'rss',
  'rtprio',
  'rttime',
  'sigpending',
  'stack',
]);

export function parseUlimit(help: string, group: string): FlagSpec<readonly Ulimit[]> {
  return {
    type: 'ulimit',
    help,
    group,
    initial: [],
    parse: (text, previous) => replaceByName(previous, ulimitOf(text)),
  };
}

function replaceByName(previous: readonly Ulimit[], next: Ulimit): Ulimit[] {
  const others = previous.filter(({ Name }) => Name !== next.Name);
  return [...others, next].sort((left, right) => (left.Name < right.Name ? -1 : 1));
}

function ulimitOf(text: string): Ulimit {
  const equals = text.indexOf('=');
  const name = text.slice(0, Math.max(0, equals));
  if (equals < 0) throw new EngineError('invalid-argument', `invalid ulimit argument: ${text}`);
  if (!names.has(name)) throw new EngineError('invalid-argument', `invalid ulimit type: ${name}`);
  const values = text.slice(equals + 1).split(':');
  const [soft, hard = soft] = values.map(limitOf);
  if (soft === undefined || hard === undefined || values.length > 2) {
    throw new EngineError(
      'invalid-argument',
      `too many limit value arguments - ${text.slice(equals + 1)}, can only have up to two, \`soft[:hard]\``,
    );
  }
  if (hard !== -1 && (soft === -1 || soft > hard)) {
    throw new EngineError(
      'invalid-argument',
      `ulimit soft limit must be less than or equal to hard limit: ${soft} > ${hard}`,
    );
  }
  return { Name: name, Hard: hard, Soft: soft };
}

function limitOf(text: string): number {
  if (/^[+-]?\d+$/.test(text)) return Number(text);
  throw new EngineError(
    'invalid-argument',
    `strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`,
  );
}
