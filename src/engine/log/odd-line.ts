/** Lines of a log that are not in the shape that Gantry writes: other writers' key order, attributes, and what a crash left. */

/**
 * The same message in the usual shape with a newline, or undefined where there is none. Of two lines that became one, because a writer ended
 * in the middle of the first, the second is taken.
 */
export function decodeOddLine(line: Buffer): Buffer | undefined {
  const whole = parse(line);
  if (whole !== undefined) return whole;
  const last = line.lastIndexOf('{"log":"');
  return last > 0 ? parse(line.subarray(last)) : undefined;
}

function parse(line: Buffer): Buffer | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line.toString('utf8'));
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { log, stream, time } = value as { log?: unknown; stream?: unknown; time?: unknown };
  if (typeof log !== 'string' || typeof time !== 'string' || !isPlain(time)) return undefined;
  const name = stream === 'stderr' ? 'stderr' : 'stdout';
  return Buffer.from(`{"log":${JSON.stringify(log)},"stream":"${name}","time":"${time}"}\n`);
}

function isPlain(time: string): boolean {
  return /^[0-9TZ:.+-]{1,39}$/.test(time);
}
