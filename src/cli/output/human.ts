/** Sizes and durations as docker's tables write them. */
import { formatGeneral } from './go-number.ts';

const decimalUnits = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB', 'ZB', 'YB'];
const binaryUnits = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB', 'ZiB', 'YiB'];

/** `4.26MB`: thousands, with `digits` significant digits (docker takes 3 in tables, 4 in progress bars). */
export function humanSize(bytes: number, digits = 4): string {
  return scale(bytes, 1000, decimalUnits, digits);
}

/** `64MiB`: powers of 1024. */
export function binarySize(bytes: number): string {
  return scale(bytes, 1024, binaryUnits, 4);
}

function scale(bytes: number, base: number, units: readonly string[], digits: number): string {
  let size = bytes;
  let unit = 0;
  while (size >= base && unit < units.length - 1) {
    size /= base;
    unit += 1;
  }
  return formatGeneral(size, digits) + (units[unit] ?? '');
}

/** `About an hour`, `3 days`: go-units' HumanDuration of milliseconds. */
export function humanDuration(milliseconds: number): string {
  const seconds = Math.trunc(milliseconds / 1000);
  if (seconds < 1) return 'Less than a second';
  if (seconds === 1) return '1 second';
  if (seconds < 60) return `${seconds} seconds`;
  const minutes = Math.trunc(milliseconds / 60_000);
  if (minutes === 1) return 'About a minute';
  if (minutes < 60) return `${minutes} minutes`;
  const hours = Math.trunc(milliseconds / 3_600_000 + 0.5);
  if (hours === 1) return 'About an hour';
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 7 * 2) return `${Math.trunc(hours / 24)} days`;
  if (hours < 24 * 30 * 2) return `${Math.trunc(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.trunc(hours / 24 / 30)} months`;
  return `${Math.trunc(Math.trunc(milliseconds / 3_600_000) / 24 / 365)} years`;
}

/** `2 hours ago` for seconds since the epoch. */
export function ago(epochSeconds: number, now = Date.now()): string {
  return `${humanDuration(now - epochSeconds * 1000)} ago`;
}

/** `2025-05-01 12:00:00 +0200 CEST`: Go's time.String in the local zone, for seconds since the epoch; `fraction` is that of the second, `.313`. */
export function localTime(epochSeconds: number, fraction = ''): string {
  const date = new Date(epochSeconds * 1000);
  const two = (value: number) => String(value).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return `${day} ${time}${fraction} ${offsetOf(date).replace(':', '')} ${zoneName(date)}`;
}

/** `2025-05-01T12:00:00+02:00`; `Z` in UTC. */
export function localRfc3339(epochSeconds: number): string {
  const date = new Date(epochSeconds * 1000);
  const shifted = new Date(date.getTime() - date.getTimezoneOffset() * 60_000);
  const offset = offsetOf(date);
  return shifted.toISOString().slice(0, 19) + (offset === '+00:00' ? 'Z' : offset);
}

function offsetOf(date: Date): string {
  const minutes = -date.getTimezoneOffset();
  const two = (value: number) => String(value).padStart(2, '0');
  const size = Math.abs(minutes);
  return `${minutes < 0 ? '-' : '+'}${two(Math.trunc(size / 60))}:${two(size % 60)}`;
}

/** The zone's short name; loading the zones costs time, so not for UTC. */
function zoneName(date: Date): string {
  if (date.getTimezoneOffset() === 0 && (process.env['TZ'] ?? 'UTC') === 'UTC') return 'UTC';
  const parts = new Intl.DateTimeFormat('en-US', { timeZoneName: 'short' }).formatToParts(date);
  const name = parts.find((part) => part.type === 'timeZoneName')?.value ?? 'UTC';
  return name.startsWith('GMT') && name !== 'GMT' ? offsetOf(date).replace(':', '').replace(/00$/, '') : name;
}

/** Cuts to `length` characters, the last of them an ellipsis: docker's Ellipsis. */
export function ellipsis(text: string, length: number): string {
  const characters = [...text];
  if (characters.length <= length) return text;
  return length <= 1 ? characters.slice(0, length).join('') : `${characters.slice(0, length - 1).join('')}…`;
}

/** The first 12 characters of an ID, without its algorithm. */
export function shortId(id: string): string {
  return id.slice(id.indexOf(':') + 1).slice(0, 12);
}
