/** The log driver `gelf`: Graylog's extended log format over UDP or TCP (go2docs.graylog.org, GELF payload specification). */
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { deflate, gzip } from 'node:zlib';
import type { LogContext } from '../context.ts';
import { durationOption, integerOption, invalidOption, type LogOptions } from '../options.ts';
import { type Address, describeAddress, parseAddress } from './address.ts';
import { type LogMessage, type LogSink, patientDriver, type RemoteDriver } from './sink.ts';
import { StreamConnection } from './stream-connection.ts';
import { UdpConnection } from './udp-connection.ts';

const pack = { gzip: promisify(gzip), zlib: promisify(deflate) };

export interface GelfSettings {
  address: Extract<Address, { host: string }>;
  compression: 'gzip' | 'zlib' | 'none';
  level: number;
  retryMs: number;
  maxRetries: number;
}

/** Bytes of a datagram, chunk's header included: what fits into one packet on the usual networks. */
const chunkSize = 1420;
const chunkHeader = 12;
const maxChunks = 128;

/** EngineError `invalid-argument` in Docker's words. */
export function gelfSettings(options: LogOptions): GelfSettings {
  const text = options['gelf-address'] ?? '';
  if (text === '')
    throw invalidOption(
      'gelf-address is a required parameter',
      'add --log-opt gelf-address=udp://host:12201',
    );
  const address = parseAddress(text, { name: 'gelf-address', schemes: { udp: 'udp', tcp: 'tcp' } });
  if ('path' in address) throw invalidOption('gelf: endpoint needs to be TCP or UDP');
  const given = (name: string): boolean => (options[name] ?? '') !== '';
  if (address.transport === 'tcp')
    refuse(
      given,
      ['gelf-compression-type', 'gelf-compression-level'],
      'compression is only supported on UDP',
    );
  else
    refuse(
      given,
      ['gelf-tcp-max-reconnect', 'gelf-tcp-reconnect-delay'],
      'reconnecting is only supported on TCP',
    );
  return {
    address,
    compression:
      address.transport === 'tcp' ? 'none' : compressionOf(options['gelf-compression-type'] || 'gzip'),
    level: levelOf(options),
    retryMs: delayOf(options),
    maxRetries: integerOption(options, 'gelf-tcp-max-reconnect', {
      initial: Number.POSITIVE_INFINITY,
      min: 0,
      max: Number.MAX_SAFE_INTEGER,
    }),
  };
}

function refuse(given: (name: string) => boolean, names: readonly string[], reason: string): void {
  const found = names.find(given);
  if (found !== undefined) throw invalidOption(`${reason}, not with '${found}'`, `leave out ${found}`);
}

function compressionOf(text: string): GelfSettings['compression'] {
  if (text === 'gzip' || text === 'zlib' || text === 'none') return text;
  throw invalidOption(
    `unknown value "${text}" for log opt "gelf-compression-type" for gelf log driver`,
    'use gzip, zlib or none',
  );
}

function levelOf(options: LogOptions): number {
  const text = options['gelf-compression-level'] ?? '';
  if (/^(-1|\d)?$/.test(text)) return text === '' ? 1 : Number(text);
  throw invalidOption(
    `unknown value "${text}" for log opt "gelf-compression-level" for gelf log driver`,
    'use -1 to 9',
  );
}

/** Docker takes seconds. */
function delayOf(options: LogOptions): number {
  const text = options['gelf-tcp-reconnect-delay'] ?? '';
  if (/^\d{1,6}$/.test(text)) return Number(text) * 1000;
  return durationOption(options, 'gelf-tcp-reconnect-delay', patientDriver.retryMs);
}

export function gelfDriver(settings: GelfSettings, context: LogContext): RemoteDriver {
  const { address, retryMs, maxRetries } = settings;
  const encode = gelfEncoder(context);
  return {
    ...patientDriver,
    description: `gelf at ${describeAddress(address)}`,
    retryMs,
    maxRetries,
    open: () => (address.transport === 'udp' ? openUdp(settings, encode) : openTcp(address, encode)),
  };
}

type Encode = (message: LogMessage) => Buffer;

/** Empty messages are none in GELF. */
function filled(messages: readonly LogMessage[]): LogMessage[] {
  return messages.filter(({ text }) => text.length > 0);
}

async function openTcp(address: Address, encode: Encode): Promise<LogSink> {
  const connection = await StreamConnection.open(address);
  const end = Buffer.alloc(1);
  return {
    lost: connection.lost,
    doubtMs: 250,
    send: (messages) =>
      connection.write(Buffer.concat(filled(messages).flatMap((message) => [encode(message), end]))),
    close: () => connection.close(),
  };
}

async function openUdp({ address, compression, level }: GelfSettings, encode: Encode): Promise<LogSink> {
  const connection = await UdpConnection.open(address.host, address.port);
  const send = async (messages: readonly LogMessage[]): Promise<void> => {
    for (const message of filled(messages)) {
      const payload = encode(message);
      const packed = compression === 'none' ? payload : await pack[compression](payload, { level });
      for (const datagram of gelfChunks(packed)) await connection.send(datagram);
    }
  };
  return { lost: connection.lost, doubtMs: 100, send, close: () => connection.close() };
}

/** Datagrams for one payload. One that needs more chunks than there may be is left out: nobody would take it. */
export function gelfChunks(payload: Buffer): Buffer[] {
  if (payload.length <= chunkSize) return [payload];
  const room = chunkSize - chunkHeader;
  const count = Math.ceil(payload.length / room);
  if (count > maxChunks) return [];
  const id = randomBytes(8);
  return Array.from({ length: count }, (_, index) =>
    Buffer.concat([
      Buffer.from([0x1e, 0x0f]),
      id,
      Buffer.from([index, count]),
      payload.subarray(index * room, (index + 1) * room),
    ]),
  );
}

/** Additional fields begin with an underscore. */
function gelfEncoder(context: LogContext): Encode {
  const own = Object.entries(context.attributes).map(([key, value]) => [
    key.startsWith('_') ? key : `_${key}`,
    value,
  ]);
  const fields = JSON.stringify({
    _command: context.command,
    _container_id: context.id,
    _container_name: context.name,
    _created: new Date(context.createdAt).toISOString(),
    _image_id: context.imageId,
    _image_name: context.imageName,
    _tag: context.tag,
    ...Object.fromEntries(own),
  }).slice(1);
  const host = JSON.stringify(context.hostname);
  return ({ stream, text, time }) => {
    const seconds = `${time.seconds}.${String(Math.floor(time.nanoseconds / 1e6)).padStart(3, '0')}`;
    const level = stream === 'stderr' ? 3 : 6;
    return Buffer.from(
      `{"version":"1.1","host":${host},"short_message":${JSON.stringify(text.toString())},"timestamp":${seconds},"level":${level},${fields}`,
    );
  };
}
