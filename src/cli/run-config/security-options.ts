/** `--security-opt`: files of seccomp profiles are read here, because the daemon may be on another host. */
import { readFileSync } from 'node:fs';
import { EngineError, messageOf } from '../../errors/engine-error.ts';
import { fileError } from './variables.ts';

export interface SecurityRequests {
  options: string[];
  /** `systempaths=unconfined`: nothing of /proc and /sys is masked. */
  unmasked: boolean;
}

/** EngineError `invalid-argument` for what is no option, and for a profile that can't be read or is no JSON. */
export function parseSecurityOptions(texts: readonly string[]): SecurityRequests {
  const unmasked = texts.includes('systempaths=unconfined');
  return { options: texts.filter((text) => text !== 'systempaths=unconfined').map(parseOption), unmasked };
}

function parseOption(text: string): string {
  const separator = text.includes('=') ? '=' : ':';
  const [name = '', ...rest] = text.split(separator);
  const value = rest.join(separator);
  if (rest.length === 0 && name !== 'no-new-privileges') {
    throw new EngineError('invalid-argument', `Invalid --security-opt: ${JSON.stringify(text)}`);
  }
  if (name !== 'seccomp' || value === 'unconfined' || value === 'builtin') return text;
  return `seccomp=${readProfile(value)}`;
}

function readProfile(path: string): string {
  let content: string;
  try {
    content = readFileSync(path, 'utf8');
  } catch (error) {
    const { message } = fileError('open', path, error);
    throw new EngineError('invalid-argument', `opening seccomp profile (${path}) failed: ${message}`, {
      cause: error,
    });
  }
  try {
    return JSON.stringify(JSON.parse(content));
  } catch (error) {
    throw new EngineError(
      'invalid-argument',
      `compacting json for seccomp profile (${path}) failed: ${messageOf(error)}`,
    );
  }
}
