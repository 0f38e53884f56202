/** `# check=skip=A,B;experimental=C;error=true`: which checks run, and whether what they find fails the build. */
import { EngineError } from '../../../errors/engine-error.ts';
import { quoted } from '../../../util/characters.ts';
import { parseBoolean } from '../mounts.ts';
import { type RuleName, rules } from './rules.ts';

export interface CheckOptions {
  skip: 'all' | ReadonlySet<string>;
  experimental: 'all' | ReadonlySet<string>;
  /** Is a warning an error? */
  error: boolean;
}

export const everyCheck: CheckOptions = { skip: new Set(), experimental: new Set(), error: false };

/** The text after `check=`; also the value of `BUILDKIT_DOCKERFILE_CHECK`. EngineError `invalid-argument`. */
export function parseCheckOptions(text: string): CheckOptions {
  if (text.trim() === '') return everyCheck;
  return text.split(';').reduce(withPart, everyCheck);
}

function withPart(options: CheckOptions, part: string): CheckOptions {
  const equals = part.indexOf('=');
  const key = (equals === -1 ? part : part.slice(0, equals)).trim();
  const value = part.slice(equals + 1).trim();
  if (equals !== -1 && (key === 'skip' || key === 'experimental'))
    return { ...options, [key]: namesIn(value) };
  if (equals !== -1 && key === 'error')
    return { ...options, error: parseBoolean('check option error', value) };
  throw new EngineError('invalid-argument', `invalid check option ${quoted(key)}`, {
    hint: 'write # check=skip=RULE,RULE;error=true without blanks',
  });
}

function namesIn(value: string): 'all' | ReadonlySet<string> {
  return value === 'all' ? 'all' : new Set(value.split(',').map((name) => name.trim()));
}

/** Does the rule run? An experimental one has to be asked for, and `skip` is of no account to it. */
export function isOn(options: CheckOptions, name: RuleName): boolean {
  if (rules[name].experimental) return options.experimental === 'all' || options.experimental.has(name);
  return options.skip !== 'all' && !options.skip.has(name);
}

/** With what a comment above one instruction says (`# check=skip=…`); what it can't read it leaves. */
export function withComments(options: CheckOptions, comments: readonly string[]): CheckOptions {
  const text = comments.flatMap((comment) => /^check\s*=\s*(\S+)/i.exec(comment)?.[1] ?? [])[0];
  if (text === undefined) return options;
  try {
    const own = parseCheckOptions(text);
    return {
      skip: united(options.skip, own.skip),
      experimental: united(options.experimental, own.experimental),
      error: options.error,
    };
  } catch {
    return options;
  }
}

function united(a: 'all' | ReadonlySet<string>, b: 'all' | ReadonlySet<string>): 'all' | ReadonlySet<string> {
  return a === 'all' || b === 'all' ? 'all' : new Set([...a, ...b]);
}
