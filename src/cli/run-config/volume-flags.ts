/** `-v` and `--tmpfs`. */
import { resolve } from 'node:path';
import { EngineError } from '../../errors/engine-error.ts';

export interface VolumeRequests {
  binds: string[];
  /** Paths of anonymous volumes. */
  anonymous: Record<string, object>;
}

/** `/host:/inside[:options]`, `name:/inside`, `/inside`. EngineError `invalid-argument` in docker's words. */
export function parseVolumes(texts: readonly string[]): VolumeRequests {
  const requests: VolumeRequests = { binds: [], anonymous: {} };
  for (const text of texts) {
    const parts = text.split(':');
    if (text === '') throw new EngineError('invalid-argument', 'invalid empty volume spec');
    if (parts.length > 3) throw new EngineError('invalid-argument', `invalid spec: ${text}: too many colons`);
    if (parts.length === 1) requests.anonymous[text] = {};
    else if (parts.includes(''))
      throw new EngineError('invalid-argument', `invalid spec: ${text}: empty section between colons`);
    else requests.binds.push(withAbsoluteSource(text));
  }
  return requests;
}

/** `./here` counts from the caller's folder, which the daemon doesn't know. */
function withAbsoluteSource(text: string): string {
  const colon = text.indexOf(':');
  const source = text.slice(0, colon);
  return source.startsWith('.') ? resolve(source) + text.slice(colon) : text;
}

/** `/path[:options]` by path. */
export function parseTmpfs(texts: readonly string[]): Record<string, string> {
  const entries = texts.map((text): [string, string] => {
    const colon = text.indexOf(':');
    return colon < 0 ? [text, ''] : [text.slice(0, colon), text.slice(colon + 1)];
  });
  return Object.fromEntries(entries);
}
