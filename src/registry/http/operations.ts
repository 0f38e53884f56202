/** Every endpoint and method, what it needs leave for, and who answers it: the whole of the registry's API. */
import type { RegistryAction } from '../registry-types.ts';
import { beginUpload } from './begin-upload.ts';
import { deleteUpload, getUpload, patchUpload, putUpload } from './continue-upload.ts';
import { deleteBlob, deleteManifest } from './delete-content.ts';
import { type Exchange, type Handler, send, sendJson } from './exchange.ts';
import { getBlob } from './get-blob.ts';
import { getManifest } from './get-manifest.ts';
import { listReferrers, listRepositories, listTags } from './list-content.ts';
import { putManifest } from './put-manifest.ts';
import type { RouteKind } from './route.ts';

export interface Operation {
  run: Handler;
  actions: RegistryAction[];
  /** Refused in read-only mode. */
  changes: boolean;
  /** Refused where deletions are disabled. */
  deletes: boolean;
}

const pull: RegistryAction[] = ['pull'];
const push: RegistryAction[] = ['pull', 'push'];

const read = (run: Handler, actions = pull): Operation => ({ run, actions, changes: false, deletes: false });
const write = (run: Handler): Operation => ({ run, actions: push, changes: true, deletes: false });
const remove = (run: Handler): Operation => ({ run, actions: ['delete'], changes: true, deletes: true });

/** `GET` serves `HEAD`, too. */
export const operations: Record<Exclude<RouteKind, 'unknown'>, Readonly<Record<string, Operation>>> = {
  root: { GET: read(answerRoot) },
  base: { GET: read(answerBase) },
  catalog: { GET: read(listRepositories, ['*']) },
  tags: { GET: read(listTags) },
  referrers: { GET: read(listReferrers) },
  manifest: { GET: read(getManifest), PUT: write(putManifest), DELETE: remove(deleteManifest) },
  blob: { GET: read(getBlob), DELETE: remove(deleteBlob) },
  uploads: { POST: write(beginUpload) },
  upload: {
    GET: read(getUpload, push),
    PATCH: write(patchUpload),
    PUT: write(putUpload),
    DELETE: write(deleteUpload),
  },
};

/** For those who only ask whether something is alive. */
function answerRoot(exchange: Exchange): void {
  send(exchange, 200, ['Cache-Control', 'no-cache']);
}

/** `GET /v2/` (distribution-spec, "Determining Support"). */
function answerBase(exchange: Exchange): void {
  sendJson(exchange, {});
}

/** For `Allow`. */
export function methodsOf(kind: Exclude<RouteKind, 'unknown'>): string {
  const own = Object.keys(operations[kind]);
  return [...own, ...(own.includes('GET') ? ['HEAD'] : []), 'OPTIONS'].join(', ');
}
