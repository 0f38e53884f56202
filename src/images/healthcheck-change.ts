/** The HEALTHCHECK instruction. */
import { EngineError } from '../errors/engine-error.ts';
import type { ImageProcess } from '../oci/image-config.ts';

type Healthcheck = NonNullable<ImageProcess['Healthcheck']>;

/** Nanoseconds by unit, in Go's notation. */
const units: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

const durationFields: Readonly<Record<string, 'Interval' | 'Timeout' | 'StartPeriod' | 'StartInterval'>> = {
  interval: 'Interval',
  timeout: 'Timeout',
  'start-period': 'StartPeriod',
  'start-interval': 'StartInterval',
};

function invalid(what: string): EngineError {
  return new EngineError('invalid-argument', what, {
    hint: 'write HEALTHCHECK [--interval=30s] [--timeout=30s] [--start-period=0s] [--retries=3] CMD command, or HEALTHCHECK NONE',
  });
}

/** `1m30s` in nanoseconds. */
function duration(text: string): number {
  const parts = [...text.matchAll(/([0-9]+(?:\.[0-9]+)?)(ns|us|µs|ms|s|m|h)/g)];
  if (parts.length === 0 || parts.map(([whole]) => whole).join('') !== text)
    throw invalid(`time: invalid duration "${text}"`);
  return Math.round(
    parts.reduce((sum, [, number, unit]) => sum + Number(number) * (units[unit ?? ''] ?? 0), 0),
  );
}

function setFlag(healthcheck: Healthcheck, name: string, value: string): void {
  const field = durationFields[name];
  if (field !== undefined) healthcheck[field] = duration(value);
  else if (name === 'retries' && /^[0-9]{1,6}$/.test(value)) healthcheck.Retries = Number(value);
  else throw invalid(`Unknown flag or bad value: --${name}=${value}`);
}

/** Reads what follows `HEALTHCHECK`. EngineError `invalid-argument`. */
export function healthcheckOf(text: string): Healthcheck {
  const healthcheck: Healthcheck = {};
  let rest = text;
  for (
    let flag = /^--([a-z-]+)=(\S*)\s*/.exec(rest);
    flag !== null;
    flag = /^--([a-z-]+)=(\S*)\s*/.exec(rest)
  ) {
    setFlag(healthcheck, flag[1] ?? '', flag[2] ?? '');
    rest = rest.slice(flag[0].length);
  }
  const [kind = ''] = rest.split(/\s/, 1);
  const command = rest.slice(kind.length).trim();
  if (kind.toUpperCase() === 'NONE' && command === '') return { Test: ['NONE'] };
  if (kind.toUpperCase() !== 'CMD' || command === '')
    throw invalid(`Unknown type "${kind}" in HEALTHCHECK (try CMD)`);
  return { ...healthcheck, Test: testOf(command) };
}

function testOf(command: string): string[] {
  if (!command.startsWith('[')) return ['CMD-SHELL', command];
  try {
    const value: unknown = JSON.parse(command);
    if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return ['CMD', ...value];
  } catch {
    // Not JSON after all: a shell's test command begins so too.
  }
  return ['CMD-SHELL', command];
}
