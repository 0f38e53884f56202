/** Which lines are known to have arrived. */
import type { LogPlace } from './cursor.ts';

/** What was sent over a connection counts once the connection has lived on for a while: what it lost shows by then. */
export class SentPlaces {
  readonly doubtMs: number;
  readonly #sent: Array<{ place: LogPlace; sureAt: number }> = [];

  constructor(doubtMs: number) {
    this.doubtMs = doubtMs;
  }

  add(place: LogPlace, now: number): void {
    this.#sent.push({ place, sureAt: now + this.doubtMs });
  }

  /** The last place that is sure by now; told once. */
  takeSure(now: number): LogPlace | undefined {
    let sure: LogPlace | undefined;
    while ((this.#sent[0]?.sureAt ?? Number.POSITIVE_INFINITY) <= now) sure = this.#sent.shift()?.place;
    return sure;
  }

  /** Milliseconds until the next one is sure; Infinity where all are. */
  patience(now: number): number {
    const next = this.#sent[0];
    return next === undefined ? Number.POSITIVE_INFINITY : Math.max(0, next.sureAt - now);
  }
}
