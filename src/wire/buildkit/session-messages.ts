/** Messages of the services that a build's client offers over its session: files, credentials, secrets, agents, content. */
import { bigInt, byteMap, bytes, int, message, nested, string, stringMap, type ValueOf } from './protobuf.ts';

/** A file's metadata (fsutil, types/stat.proto). `mode` has Go's bits (`go-mode.ts`), `modTime` is in nanoseconds since 1970. */
export const Stat = message({
  path: string(1),
  mode: int(2),
  uid: int(3),
  gid: int(4),
  size: int(5),
  modTime: bigInt(6),
  linkname: string(7),
  devMajor: int(8),
  devMinor: int(9),
  xattrs: byteMap(10),
});
export type Stat = ValueOf<typeof Stat>;

/** What `Packet.type` is (fsutil, types/wire.proto). */
export const packetType = { stat: 0, request: 1, data: 2, finish: 3, error: 4 } as const;

/** `id` counts the stat packets from 0. A stat packet without `stat`, or a data packet without `data`, is the last. */
export const Packet = message({ type: int(1), stat: nested(2, Stat), id: int(3), data: bytes(4) });
export type Packet = ValueOf<typeof Packet>;

export const CredentialsRequest = message({ host: string(1) });
export const CredentialsResponse = message({ username: string(1), secret: string(2) });

export const GetSecretRequest = message({ id: string(1), annotations: stringMap(2) });
export const GetSecretResponse = message({ data: bytes(1) });

export const CheckAgentRequest = message({ id: string(1) });

/** containerd.services.content.v1 */
export const ReadContentRequest = message({ digest: string(1), offset: int(2), size: int(3) });
export const ReadContentResponse = message({ offset: int(1), data: bytes(2) });
export const ContentInfoRequest = message({ digest: string(1) });

/** What `WriteContentRequest.action` is. */
export const writeAction = { stat: 0, write: 1, commit: 2 } as const;
export const WriteContentRequest = message({
  action: int(1),
  ref: string(2),
  total: int(3),
  expected: string(4),
  offset: int(5),
  data: bytes(6),
});
export const WriteContentResponse = message({
  action: int(1),
  offset: int(4),
  total: int(5),
  digest: string(6),
});
