/** Reads the address of a git repository as Docker has it: `#ref:subdir`, `?ref=…&subdir=…`, `git@host:path`. */
import { EngineError } from '../../errors/engine-error.ts';

export interface GitAddress {
  /** What git is given. */
  remote: string;
  /** A branch, tag, full name of a ref, or commit; the server's HEAD without. */
  ref: string | undefined;
  /** Slash-separated; '' for the whole. */
  subdir: string;
  checksum: string | undefined;
  keepGitDir: boolean | undefined;
  submodules: boolean;
}

const scp = /^[a-zA-Z0-9_.-]+@[a-zA-Z0-9_.-]+:/;
const schemes = /^(https?|git|ssh):\/\//i;

/** EngineError `invalid-argument` for what is none. */
export function parseGitUrl(text: string): GitAddress {
  const [whole, fragment = ''] = splitOnce(text, '#');
  const [remote, query = ''] = splitOnce(whole, '?');
  if (!schemes.test(remote) && !scp.test(remote)) throw invalid(`invalid git URL: ${text.slice(0, 200)}`);
  if (/[\s\0]/.test(remote)) throw invalid(`invalid git URL: ${text.slice(0, 200)}`);
  const [fragmentRef, fragmentDirectory = ''] = splitOnce(fragment, ':');
  const asked = parseQuery(query);
  const ref = asked.ref ?? (fragmentRef === '' ? undefined : fragmentRef);
  if (ref !== undefined) checkRef(ref);
  const { checksum, keepGitDir, submodules } = asked;
  return { remote, ref, subdir: asked.subdir ?? fragmentDirectory, checksum, keepGitDir, submodules };
}

interface Query extends Pick<GitAddress, 'ref' | 'checksum' | 'keepGitDir' | 'submodules'> {
  subdir: string | undefined;
}

function parseQuery(text: string): Query {
  const query: Query = {
    ref: undefined,
    subdir: undefined,
    checksum: undefined,
    keepGitDir: undefined,
    submodules: true,
  };
  for (const [name, value] of new URLSearchParams(text)) {
    if (name === 'ref') query.ref = value;
    else if (name === 'branch') query.ref = `refs/heads/${value}`;
    else if (name === 'tag') query.ref = `refs/tags/${value}`;
    else if (name === 'subdir') query.subdir = value;
    else if (name === 'checksum' || name === 'commit') query.checksum = value;
    else if (name === 'keep-git-dir') query.keepGitDir = flagOf(name, value);
    else if (name === 'submodules') query.submodules = flagOf(name, value);
    else throw invalid(`unexpected query ${JSON.stringify(name)} in a git URL`);
  }
  return query;
}

function flagOf(name: string, value: string): boolean {
  if (['', '1', 'true'].includes(value)) return true;
  if (['0', 'false'].includes(value)) return false;
  throw invalid(`invalid value of ${name} in a git URL: ${value}`);
}

/** git-check-ref-format(1), and nothing that git would take for an option. */
function checkRef(ref: string): void {
  const isGood = /^[^-\s~^:?*[\\\0][^\s~^:?*[\\\0]*$/.test(ref) && !ref.includes('..') && !ref.includes('@{');
  if (!isGood) throw invalid(`invalid git reference: ${ref.slice(0, 200)}`);
}

function splitOnce(text: string, separator: string): [string, string?] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

function invalid(message: string): EngineError {
  return new EngineError('invalid-argument', message, {
    hint: 'write it as https://HOST/PATH.git#REF:FOLDER, or git@HOST:PATH.git#REF:FOLDER',
  });
}
