/** The sending side of fsutil's packets: names and metadata of all files, then the content of those that are asked for. */
import { createReadStream } from 'node:fs';
import { lstat, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineError } from '../../errors/engine-error.ts';
import { Packet, packetType, type Stat } from '../../wire/buildkit/session-messages.ts';
import { goModeOf, kindOfMode } from './go-mode.ts';
import type { ClientCall } from './grpc-client.ts';

/** Resolves when the receiver has said that it has all. Files are read as they are below `root`, no link is followed. */
export async function sendDirectory(call: ClientCall, root: string): Promise<void> {
  const files = new Map<number, string>();
  const listing = sendListing(call, root, files);
  /* The receiver asks while it is still told what there is. */
  listing.catch(() => call.cancel());
  for await (const message of call.messages) {
    const packet = Packet.decode(message);
    if (packet.type === packetType.finish) {
      await listing;
      await call.send(Packet.encode({ type: packetType.finish }));
      call.end();
      continue;
    }
    if (packet.type === packetType.error) throw failed(packet.data.toString('utf8'));
    if (packet.type !== packetType.request) throw failed(`packet of type ${packet.type}`);
    const path = files.get(packet.id);
    if (path === undefined) throw failed(`no file has the number ${packet.id}`);
    await sendFile(call, packet.id, path);
  }
  await listing;
}

function failed(why: string): EngineError {
  return new EngineError('unavailable', `the build's client could not take its output: ${why}`);
}

async function sendListing(call: ClientCall, root: string, files: Map<number, string>): Promise<void> {
  let id = 0;
  for await (const stat of walk(root, '')) {
    /* Known before it is told, for the receiver may ask at once. */
    if (kindOfMode(stat.mode ?? 0) === 'file') files.set(id, join(root, stat.path ?? ''));
    id += 1;
    await call.send(Packet.encode({ type: packetType.stat, stat: fullStat(stat) }));
  }
  await call.send(Packet.encode({ type: packetType.stat }));
}

function fullStat(stat: Partial<Stat>): Stat {
  return {
    path: '',
    mode: 0,
    uid: 0,
    gid: 0,
    size: 0,
    modTime: 0n,
    linkname: '',
    devMajor: 0,
    devMinor: 0,
    xattrs: new Map(),
    ...stat,
  };
}

/** In the order in which receivers expect it: names sorted by their bytes, a directory before what is in it. */
async function* walk(root: string, below: string): AsyncGenerator<Partial<Stat>, void> {
  const names = await readdir(join(root, below));
  for (const name of names.sort((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)))) {
    const path = below === '' ? name : `${below}/${name}`;
    const found = await lstat(join(root, path), { bigint: true });
    const mode = goModeOf(Number(found.mode));
    if (mode === undefined) continue;
    const kind = kindOfMode(mode);
    const linkname = kind === 'symlink' ? await readlink(join(root, path)) : '';
    const size = kind === 'file' ? Number(found.size) : 0;
    yield {
      path,
      mode,
      uid: Number(found.uid),
      gid: Number(found.gid),
      size,
      modTime: found.mtimeNs,
      linkname,
    };
    if (kind === 'directory') yield* walk(root, path);
  }
}

async function sendFile(call: ClientCall, id: number, path: string): Promise<void> {
  for await (const data of createReadStream(path, { highWaterMark: 256 * 1024 }) as AsyncIterable<Buffer>) {
    await call.send(Packet.encode({ type: packetType.data, id, data }));
  }
  await call.send(Packet.encode({ type: packetType.data, id }));
}
