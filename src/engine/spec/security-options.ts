/** `--security-opt`: what each option asks for. */
import { EngineError } from '../../errors/engine-error.ts';

export interface SecurityOptions {
  noNewPrivileges?: boolean;
  /** JSON content, `unconfined`, or `builtin`. */
  seccomp?: string;
  apparmor?: string;
  /** SELinux label options; accepted, and without effect where SELinux is off. */
  labels: string[];
  /** No masked and no read-only paths. */
  unconfinedPaths: boolean;
  writableCgroups: boolean;
}

/** Parses `KEY=VALUE` (and the old `KEY:VALUE`). EngineError `invalid-argument` in Docker's words. */
export function parseSecurityOptions(options: readonly string[]): SecurityOptions {
  const parsed: SecurityOptions = { labels: [], unconfinedPaths: false, writableCgroups: false };
  for (const option of options) applyOption(parsed, option);
  return parsed;
}

function applyOption(parsed: SecurityOptions, option: string): void {
  if (option === 'no-new-privileges') {
    parsed.noNewPrivileges = true;
    return;
  }
  if (option === 'disable') {
    parsed.labels.push('disable');
    return;
  }
  const separator = option.includes('=') ? '=' : ':';
  const at = option.indexOf(separator);
  if (at < 0) throw invalid(1, option);
  const [key, value] = [option.slice(0, at), option.slice(at + 1)];
  switch (key) {
    case 'label':
      parsed.labels.push(value);
      break;
    case 'apparmor':
      parsed.apparmor = value;
      break;
    case 'seccomp':
      parsed.seccomp = value;
      break;
    case 'no-new-privileges':
      parsed.noNewPrivileges = parseBoolean(value, option);
      break;
    case 'writable-cgroups':
      parsed.writableCgroups = parseBoolean(value, option);
      break;
    case 'systempaths':
      if (value !== 'unconfined') throw invalid(2, option);
      parsed.unconfinedPaths = true;
      break;
    default:
      throw invalid(2, option);
  }
}

/** The words that Go's strconv.ParseBool takes. */
function parseBoolean(text: string, option: string): boolean {
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(text)) return true;
  if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(text)) return false;
  throw invalid(2, option);
}

function invalid(kind: 1 | 2, option: string): EngineError {
  return new EngineError('invalid-argument', `invalid --security-opt ${kind}: ${JSON.stringify(option)}`, {
    hint: 'Known are seccomp=, apparmor=, label=, no-new-privileges and systempaths=unconfined.',
  });
}
