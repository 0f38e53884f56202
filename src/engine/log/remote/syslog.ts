/** The log driver `syslog`: RFC 3164 and RFC 5424 over UDP, TCP, TLS (RFC 5425) and UNIX sockets. */
import { stat } from 'node:fs/promises';
import { EngineError } from '../../../errors/engine-error.ts';
import type { LogContext } from '../context.ts';
import { invalidOption, type LogOptions } from '../options.ts';
import { type Address, describeAddress, parseAddress } from './address.ts';
import { type LogMessage, type LogSink, patientDriver, type RemoteDriver } from './sink.ts';
import { StreamConnection, type TlsFiles } from './stream-connection.ts';
import { formatSyslog, type SyslogFormat, syslogFacility, syslogFormat } from './syslog-format.ts';
import { UdpConnection } from './udp-connection.ts';
import { type SendDatagrams, UnixDatagrams } from './unix-datagrams.ts';

export interface SyslogSettings {
  /** undefined for the host's own syslog. */
  address: Address | undefined;
  facility: number;
  format: SyslogFormat;
  tls: TlsFiles;
}

/** Where a host's own syslog listens. */
const localSockets = ['/dev/log', '/var/run/syslog', '/var/run/log'];

const schemes = { udp: 'udp', tcp: 'tcp', 'tcp+tls': 'tls', unix: 'unix', unixgram: 'unixgram' } as const;

/** EngineError `invalid-argument` in Docker's words. */
export function syslogSettings(options: LogOptions): SyslogSettings {
  const text = options['syslog-address'] ?? '';
  const skip = options['syslog-tls-skip-verify'];
  const tls = {
    ca: options['syslog-tls-ca-cert'] ?? '',
    cert: options['syslog-tls-cert'] ?? '',
    key: options['syslog-tls-key'] ?? '',
    /* Docker takes any value for yes. */
    skipVerify: skip !== undefined && skip !== 'false' && skip !== '0',
  };
  if ((tls.cert === '') !== (tls.key === '')) {
    throw invalidOption('syslog-tls-cert and syslog-tls-key belong together', 'give both, or none');
  }
  return {
    address:
      text === '' ? undefined : parseAddress(text, { name: 'syslog-address', schemes, defaultPort: 514 }),
    facility: syslogFacility(options['syslog-facility'] ?? ''),
    format: syslogFormat(options['syslog-format'] ?? ''),
    tls,
  };
}

export function syslogDriver(
  settings: SyslogSettings,
  context: LogContext,
  sendDatagrams: SendDatagrams,
): RemoteDriver {
  const { address } = settings;
  return {
    ...patientDriver,
    description: `syslog at ${address === undefined ? 'this host' : describeAddress(address)}`,
    open: async () => await openSyslog(settings, address ?? (await localSyslog()), context, sendDatagrams),
  };
}

async function localSyslog(): Promise<Address> {
  for (const path of localSockets) {
    const found = await stat(path).catch(() => undefined);
    if (found?.isSocket() === true) return { transport: 'unixgram', path };
  }
  throw new EngineError('unavailable', 'Unix syslog delivery error', {
    hint: 'start a syslog daemon on this host, or name one with --log-opt syslog-address=udp://HOST:514',
  });
}

/** Each message ends in a newline, which tells them apart on a stream; over TLS its length comes first (RFC 5425, section 4.3). */
async function openSyslog(
  settings: SyslogSettings,
  address: Address,
  context: LogContext,
  sendDatagrams: SendDatagrams,
): Promise<LogSink> {
  const format = formatSyslog(settings, context);
  const encode = (messages: readonly LogMessage[]): Buffer[] =>
    messages.filter(({ text }) => text.length > 0).map((message) => format(message));
  switch (address.transport) {
    case 'udp':
      return openUdp(address, encode);
    case 'unixgram': {
      const socket = new UnixDatagrams(address.path, sendDatagrams);
      await socket.send([]);
      const send = (messages: readonly LogMessage[]): Promise<void> => socket.send(encode(messages));
      return { lost: socket.lost, doubtMs: 0, send, close: () => socket.close() };
    }
    default:
      return openStream(settings, address, encode);
  }
}

async function openUdp(
  { host, port }: { host: string; port: number },
  encode: (messages: readonly LogMessage[]) => Buffer[],
): Promise<LogSink> {
  const connection = await UdpConnection.open(host, port);
  const send = async (messages: readonly LogMessage[]): Promise<void> => {
    for (const datagram of encode(messages)) await connection.send(datagram);
  };
  return { lost: connection.lost, doubtMs: 100, send, close: () => connection.close() };
}

async function openStream(
  { format, tls }: SyslogSettings,
  address: Address,
  encode: (messages: readonly LogMessage[]) => Buffer[],
): Promise<LogSink> {
  const counts = address.transport === 'tls' && format.startsWith('rfc5424');
  const connection = await StreamConnection.open(address, address.transport === 'tls' ? tls : undefined);
  const framed = (message: Buffer): Buffer =>
    counts ? Buffer.concat([Buffer.from(`${message.length} `), message]) : message;
  return {
    lost: connection.lost,
    doubtMs: 250,
    send: (messages) => connection.write(Buffer.concat(encode(messages).map(framed))),
    close: () => connection.close(),
  };
}
