/** Syslog's message formats (RFC 3164, section 4; RFC 5424, section 6). */
import type { LogContext } from '../context.ts';
import { invalidOption } from '../options.ts';
import type { LogTime } from '../time.ts';
import type { LogMessage } from './sink.ts';

export type SyslogFormat = 'unix' | 'rfc3164' | 'rfc5424' | 'rfc5424micro';

/** By number, from 0 on. */
const facilities = [
  'kern',
  'user',
  'mail',
  'daemon',
  'auth',
  'syslog',
  'lpr',
  'news',
  'uucp',
  'cron',
  'authpriv',
  'ftp',
  ...[12, 13, 14, 15].map(String),
  ...[0, 1, 2, 3, 4, 5, 6, 7].map((number) => `local${number}`),
];
const severities = { stdout: 6, stderr: 3 } as const;
const defaultFacility = 3;

/** The number of `daemon`, `local3`, or of a number; `daemon` for ''. EngineError `invalid-argument`. */
export function syslogFacility(text: string): number {
  if (text === '') return defaultFacility;
  const named = facilities.indexOf(text);
  const number = /^\d{1,2}$/.test(text) ? Number(text) : named;
  if (number >= 0 && number < facilities.length) return number;
  throw invalidOption(
    'invalid syslog facility',
    'use daemon, user, local0 to local7, or a number from 0 to 23',
  );
}

/** EngineError `invalid-argument` for an unknown format. */
export function syslogFormat(text: string): SyslogFormat {
  if (text === '') return 'unix';
  if (text === 'rfc3164' || text === 'rfc5424' || text === 'rfc5424micro') return text;
  throw invalidOption('Invalid syslog format', 'use rfc3164, rfc5424 or rfc5424micro');
}

/** Formats messages, each with a newline at its end. */
export function formatSyslog(
  { facility, format }: { facility: number; format: SyslogFormat },
  { hostname, tag }: Pick<LogContext, 'hostname' | 'tag'>,
): (message: LogMessage) => Buffer {
  const { pid } = process;
  const newline = Buffer.from('\n');
  return ({ stream, text, time }) => {
    const priority = facility * 8 + severities[stream];
    return Buffer.concat([Buffer.from(head(priority, time)), text, newline]);
  };

  function head(priority: number, time: LogTime): string {
    switch (format) {
      case 'unix':
        return `<${priority}>${shortTime(time)} ${tag}[${pid}]: `;
      case 'rfc3164':
        return `<${priority}>${shortTime(time)} ${hostname} ${tag}[${pid}]: `;
      case 'rfc5424':
        return `<${priority}>1 ${isoTime(time, 0)} ${hostname} ${tag} ${pid} ${tag} - `;
      case 'rfc5424micro':
        return `<${priority}>1 ${isoTime(time, 6)} ${hostname} ${tag} ${pid} ${tag} - `;
    }
  }
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `Jan  2 15:04:05`, local time. */
function shortTime({ seconds }: LogTime): string {
  const date = new Date(seconds * 1000);
  const day = String(date.getDate()).padStart(2, ' ');
  return `${months[date.getMonth()]} ${day} ${clock(date)}`;
}

/** `2026-01-02T15:04:05.123456+01:00`, local time. */
function isoTime({ seconds, nanoseconds }: LogTime, digits: number): string {
  const date = new Date(seconds * 1000);
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const fraction = digits === 0 ? '' : `.${String(nanoseconds).padStart(9, '0').slice(0, digits)}`;
  return `${day}T${clock(date)}${fraction}${zone(date)}`;
}

function zone(date: Date): string {
  const minutes = -date.getTimezoneOffset();
  if (minutes === 0) return 'Z';
  const size = Math.abs(minutes);
  return `${minutes < 0 ? '-' : '+'}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}

function clock(date: Date): string {
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

function two(number: number): string {
  return String(number).padStart(2, '0');
}
