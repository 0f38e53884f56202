/** Moments as Docker writes them. */

/** Go's zero time: what never happened. */
export const never = '0001-01-01T00:00:00Z';

/** RFC 3339 of a moment in milliseconds since the epoch, fractions of milliseconds included; `never` for undefined. */
export function rfc3339(ms: number | undefined): string {
  if (ms === undefined) return never;
  const whole = Math.floor(ms);
  const nanos = Math.round((ms - whole) * 1e6);
  const text = new Date(whole).toISOString();
  const fraction = `${text.slice(20, 23)}${String(nanos).padStart(6, '0')}`.replace(/0+$/, '');
  return `${text.slice(0, 19)}${fraction === '' ? '' : `.${fraction}`}Z`;
}

/** Whole seconds since the epoch. */
export function seconds(ms: number): number {
  return Math.floor(ms / 1000);
}
