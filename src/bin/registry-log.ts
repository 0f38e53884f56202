/** The registry's log on standard error, and its access log on standard output, in the forms that distribution writes. */
import { type DestinationStream, type Logger, pino } from 'pino';
import type { LogConfig } from '../registry/config/registry-config.ts';
import type { AnsweredRequest } from '../registry/registry-types.ts';
import { toText } from './daemon-log.ts';

const json: DestinationStream = { write: (line) => void process.stderr.write(line) };
const text: DestinationStream = { write: (line) => void process.stderr.write(`${toText(line)}\n`) };

export function createRegistryLog({ level, format, fields }: LogConfig): Logger {
  const options = {
    level,
    base: { ...fields },
    formatters: { level: (label: string) => ({ level: label }) },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
  };
  return pino(options, format === 'json' ? json : text);
}

/** Writes a line for each answer: Apache's combined form, or JSON where the log is JSON. */
export function accessLog({ format }: Pick<LogConfig, 'format'>): (answer: AnsweredRequest) => void {
  const line = format === 'json' ? jsonLine : combinedLine;
  return (answer) => void process.stdout.write(`${line(answer)}\n`);
}

function jsonLine({ route, id, ...answer }: AnsweredRequest): string {
  return JSON.stringify({
    level: 'info',
    time: new Date().toISOString(),
    msg: 'response completed',
    ...answer,
    milliseconds: Math.round(answer.milliseconds * 10) / 10,
    id,
    route,
  });
}

/** `ADDRESS - USER [TIME] "METHOD PATH HTTP/1.1" STATUS BYTES "" "AGENT"` */
function combinedLine(answer: AnsweredRequest): string {
  const { principal, method, path, status, bytes, userAgent } = answer;
  const who = `${hostOf(answer.address)} - ${escaped(principal) || '-'}`;
  const request = escaped(`${method} ${path} HTTP/1.1`);
  return `${who} [${apacheTime(new Date())}] "${request}" ${status} ${bytes} "" "${escaped(userAgent)}"`;
}

/** Without the port, and IPv4 as such where the socket serves both. */
function hostOf(address: string): string {
  const match = /^\[(.*)\](?::\d+)?$/.exec(address) ?? /^([^:]*):\d+$/.exec(address);
  return escaped(match?.[1] ?? address).replace(/^::ffff:(?=\d+\.)/, '');
}

/** Nothing that a client sends begins a line of its own, or ends a quotation. */
function escaped(words: string): string {
  return words.replace(/[\\"\p{Cc}]/gu, (one) => `\\x${one.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

function apacheTime(time: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${two(time.getUTCDate())}/${months[time.getUTCMonth()]}/${time.getUTCFullYear()}`;
  return `${day}:${two(time.getUTCHours())}:${two(time.getUTCMinutes())}:${two(time.getUTCSeconds())} +0000`;
}
