/** The log driver `journald`: systemd's native protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL) over its datagram socket. */
import { stat } from 'node:fs/promises';
import { EngineError } from '../../../errors/engine-error.ts';
import type { LogContext } from '../context.ts';
import { printLogTime } from '../time.ts';
import { type LogMessage, type LogSink, patientDriver, type RemoteDriver } from './sink.ts';
import { type SendDatagrams, UnixDatagrams } from './unix-datagrams.ts';

/** Another one in place of the system's, for tests and for journals of one's own. */
const socketPath = (): string => process.env['GANTRY_JOURNAL_SOCKET'] ?? '/run/systemd/journal/socket';

export function journaldDriver(context: LogContext, sendDatagrams: SendDatagrams): RemoteDriver {
  return {
    ...patientDriver,
    description: `journald at ${socketPath()}`,
    open: () => openJournald(context, sendDatagrams),
  };
}

async function openJournald(context: LogContext, sendDatagrams: SendDatagrams): Promise<LogSink> {
  const path = socketPath();
  const isSocket = await stat(path).then(
    (found) => found.isSocket(),
    () => false,
  );
  if (!isSocket) {
    throw new EngineError('unavailable', 'journald is not enabled on this host', {
      hint: `start systemd-journald, whose socket ${path} is missing, or choose another log driver`,
    });
  }
  const socket = new UnixDatagrams(path, sendDatagrams);
  const encode = journalEncoder(context);
  return {
    lost: socket.lost,
    doubtMs: 0,
    send: (messages) => socket.send(messages.map(encode)),
    close: () => socket.close(),
  };
}

export function journalEncoder(context: LogContext): (message: LogMessage) => Buffer {
  const own = Object.entries(context.attributes)
    .map(([key, value]) => [journalName(key), value] as const)
    .filter(([key]) => key !== '');
  const common = Buffer.concat(
    [
      ['CONTAINER_ID', context.id.slice(0, 12)] as const,
      ['CONTAINER_ID_FULL', context.id] as const,
      ['CONTAINER_NAME', context.name] as const,
      ['CONTAINER_TAG', context.tag] as const,
      ['IMAGE_NAME', context.imageName] as const,
      ['SYSLOG_IDENTIFIER', context.tag] as const,
      ...own,
    ].map(([key, value]) => field(key, Buffer.from(value))),
  );
  return ({ stream, text, time, partial }) => {
    const parts = [
      field('MESSAGE', text),
      field('PRIORITY', Buffer.from(stream === 'stderr' ? '3' : '6')),
      field('SYSLOG_TIMESTAMP', Buffer.from(printLogTime(time))),
      common,
    ];
    if (partial !== undefined) {
      if (!partial.last) parts.push(Buffer.from('CONTAINER_PARTIAL_MESSAGE=true\n'));
      parts.push(
        Buffer.from(
          `CONTAINER_PARTIAL_ID=${partial.id}\nCONTAINER_PARTIAL_ORDINAL=${partial.ordinal}\nCONTAINER_PARTIAL_LAST=${partial.last}\n`,
        ),
      );
    }
    return Buffer.concat(parts);
  };
}

/** A value with a newline inside is told by its length. */
function field(key: string, value: Buffer): Buffer {
  if (!value.includes(0x0a)) return Buffer.concat([Buffer.from(`${key}=`), value, Buffer.from('\n')]);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(value.length));
  return Buffer.concat([Buffer.from(`${key}\n`), length, value, Buffer.from('\n')]);
}

/** Upper case letters, digits and underscores, of which none comes first; '' where nothing is left. */
export function journalName(key: string): string {
  return key
    .replace(/[^A-Za-z0-9]/gu, '_')
    .toUpperCase()
    .replace(/^_+/, '')
    .slice(0, 64);
}
