/** The durable document of a scoped socket, and what a user asks for when one is made. */
import { join } from 'node:path';
import { EngineError } from '../errors/engine-error.ts';
import { parsePermissions } from './sockets-permissions.ts';

export interface SocketRequest {
  name: string;
  allow: readonly string[];
  labels: readonly string[];
  /** '' for the usual one. */
  path: string;
  /** Octal digits; '' for 0660. */
  mode: string;
  /** Name or number; '' for root's. */
  group: string;
  allowHost: boolean;
}

export interface SocketRecord {
  name: string;
  path: string;
  /** As the user wrote them. */
  allow: string[];
  /** `KEY` or `KEY=VALUE`: containers that lack one are not there. */
  labels: string[];
  mode: number;
  group: string;
  allowHost: boolean;
  /** Milliseconds since the epoch. */
  createdAt: number;
}

/** Longest path of a UNIX socket: sun_path of unix(7), without its end. */
const longestPath = 107;

/** EngineErrors `invalid-argument` for what can't be a socket. */
export function socketRecord(request: SocketRequest, folder: string): SocketRecord {
  const { name, group, allowHost } = request;
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}$/.test(name)) {
    throw new EngineError('invalid-argument', `invalid socket name ${JSON.stringify(name)}`, {
      hint: 'Use letters, digits, _, . and -, a letter or digit first.',
    });
  }
  parsePermissions(request.allow);
  return {
    name,
    path: checkPath(request.path === '' ? join(folder, name, 'docker.sock') : request.path),
    allow: request.allow.filter((word) => word !== ''),
    labels: request.labels.map(checkLabel),
    mode: parseMode(request.mode),
    group,
    allowHost,
    createdAt: Date.now(),
  };
}

function checkPath(path: string): string {
  if (!path.startsWith('/') || path.endsWith('/') || /\0/.test(path))
    throw new EngineError(
      'invalid-argument',
      `the path of a socket must be absolute: ${JSON.stringify(path)}`,
    );
  if (Buffer.byteLength(path) <= longestPath) return path;
  throw new EngineError(
    'invalid-argument',
    `the path of a socket has ${longestPath} bytes at most: ${path}`,
    {
      hint: 'Choose a shorter one with --path.',
    },
  );
}

function checkLabel(label: string): string {
  if (/^[^=]/.test(label)) return label;
  throw new EngineError('invalid-argument', `bad format for labels: ${JSON.stringify(label)}`, {
    hint: 'Write KEY=VALUE, or KEY for any value.',
  });
}

/** Sockets have no use for execute bits, and setuid on one means nothing. */
function parseMode(text: string): number {
  if (text === '') return 0o660;
  if (/^0?[0-7]{3}$/.test(text)) return Number.parseInt(text, 8);
  throw new EngineError(
    'invalid-argument',
    `invalid mode ${JSON.stringify(text)}: it must be three octal digits, as in 0660`,
  );
}

/** What the database holds. EngineError `data-loss` for anything else. */
export function parseSocketRecord(value: unknown): SocketRecord {
  const fields: Partial<Record<keyof SocketRecord, unknown>> = Object(value);
  const { name, path, allow, labels, mode, group, allowHost, createdAt } = fields;
  if (
    typeof name !== 'string' ||
    typeof path !== 'string' ||
    typeof mode !== 'number' ||
    typeof group !== 'string' ||
    typeof createdAt !== 'number' ||
    !isTextList(allow) ||
    !isTextList(labels)
  ) {
    throw new EngineError('data-loss', `unreadable record of a scoped socket: ${JSON.stringify(value)}`);
  }
  return { name, path, allow, labels, mode, group, allowHost: allowHost === true, createdAt };
}

function isTextList(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string');
}
