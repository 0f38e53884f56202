/** `--health-*` and `--no-healthcheck`. */
import { EngineError } from '../../errors/engine-error.ts';
import type { HealthConfig } from '../../wire/container-config.ts';
import type { ContainerFlags } from './container-flags.ts';

/** Undefined where no flag asks for anything. EngineError `invalid-argument` for conflicts and negative values. */
export function parseHealth(flags: ContainerFlags): HealthConfig | undefined {
  const timings = {
    Interval: flags['health-interval'],
    Timeout: flags['health-timeout'],
    StartPeriod: flags['health-start-period'],
    StartInterval: flags['health-start-interval'],
    Retries: flags['health-retries'],
  };
  const given = Object.fromEntries(Object.entries(timings).filter(([, value]) => value !== 0));
  const any = flags['health-cmd'] !== '' || Object.keys(given).length > 0;
  if (flags['no-healthcheck']) {
    if (any) throw new EngineError('invalid-argument', '--no-healthcheck conflicts with --health-* options');
    return { Test: ['NONE'] };
  }
  for (const name of [
    'health-interval',
    'health-timeout',
    'health-retries',
    'health-start-period',
    'health-start-interval',
  ] as const) {
    if (flags[name] < 0) throw new EngineError('invalid-argument', `--${name} cannot be negative`);
  }
  if (!any) return undefined;
  return flags['health-cmd'] === '' ? given : { Test: ['CMD-SHELL', flags['health-cmd']], ...given };
}
