/** Whether a health check makes sense, in Docker's words. */
import { EngineError } from '../errors/engine-error.ts';
import type { HealthcheckConfig } from './model.ts';

/** EngineErrors `invalid-argument` in Docker's words for times below a millisecond and negative retries. */
export function checkHealthcheck(check: HealthcheckConfig | undefined): void {
  if (check === undefined) return;
  const times = [
    ['Interval', check.interval],
    ['Timeout', check.timeout],
    ['StartPeriod', check.startPeriod],
    ['StartInterval', check.startInterval],
  ] as const;
  const short = times.find(([, nanoseconds]) => nanoseconds !== 0 && nanoseconds < 1e6);
  if (short !== undefined) {
    throw new EngineError('invalid-argument', `${short[0]} in Healthcheck cannot be less than 1ms`);
  }
  if (check.retries < 0) {
    throw new EngineError('invalid-argument', 'Retries in Healthcheck cannot be negative');
  }
}
