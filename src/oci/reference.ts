/** Image references by Docker's rules (distribution/reference): parsing, defaults, familiar and canonical forms. */
import { EngineError } from '../errors/engine-error.ts';
import { isDigestHex } from './digest.ts';

/** A parsed reference. `domain` and `path` are complete: `docker.io` and `library/busybox` for `busybox`. */
export interface Reference {
  domain: string;
  path: string;
  tag?: string;
  digest?: string;
}

const defaultDomain = 'docker.io';
const legacyDefaultDomain = 'index.docker.io';
const officialPrefix = 'library/';
const defaultTag = 'latest';
/** Docker's bound on a repository's name, without its host. */
const maxNameLength = 255;

const domainLabel = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])';
const domainPattern = new RegExp(
  `^(?:${domainLabel}(?:\\.${domainLabel})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?$`,
);
const pathComponent = '[a-z0-9]+(?:(?:[._]|__|[-]+)[a-z0-9]+)*';
const pathPattern = new RegExp(`^${pathComponent}(?:/${pathComponent})*$`);
const tagPattern = /^[\w][\w.-]{0,127}$/;
const digestSuffixPattern = /^sha256:[0-9a-f]{64}$/;

function invalid(detail?: string): EngineError {
  return new EngineError(
    'invalid-argument',
    `invalid reference format${detail === undefined ? '' : `: ${detail}`}`,
    {
      hint: 'write it as [HOST[:PORT]/]NAME[:TAG][@sha256:DIGEST], the name in lower case',
    },
  );
}

/** The first part is a host if it looks like one: a dot, a colon, an upper-case letter, or `localhost`. */
function splitDomain(name: string): { domain: string; path: string } {
  const slash = name.indexOf('/');
  const first = slash === -1 ? '' : name.slice(0, slash);
  const isHost = /[.:]/.test(first) || first === 'localhost' || first.toLowerCase() !== first;
  const domain = slash === -1 || !isHost ? defaultDomain : first;
  const path = slash === -1 || !isHost ? name : name.slice(slash + 1);
  const known = domain === legacyDefaultDomain ? defaultDomain : domain;
  return {
    domain: known,
    path: known === defaultDomain && !path.includes('/') ? officialPrefix + path : path,
  };
}

/** Takes `@sha256:…` and `:TAG` off the end of a reference. */
function splitSuffixes(text: string): { name: string; tag?: string; digest?: string } {
  const at = text.indexOf('@');
  const digest = at === -1 ? undefined : text.slice(at + 1);
  const rest = at === -1 ? text : text.slice(0, at);
  const colon = rest.lastIndexOf(':');
  const hasTag = colon > rest.lastIndexOf('/');
  const tag = hasTag ? rest.slice(colon + 1) : undefined;
  return {
    name: hasTag ? rest.slice(0, colon) : rest,
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest }),
  };
}

/**
 * Parses what a user writes: `alpine`, `host:5000/a/b:tag`, `a@sha256:…`. No default tag is put in: see `withDefaultTag`.
 * EngineError `invalid-argument` in Docker's words.
 */
export function parseReference(text: string): Reference {
  if (isDigestHex(text)) {
    throw new EngineError(
      'invalid-argument',
      `invalid repository name (${text}), cannot specify 64-byte hexadecimal strings`,
    );
  }
  const { name, tag, digest } = splitSuffixes(text);
  if (tag !== undefined && !tagPattern.test(tag)) throw invalid();
  if (digest !== undefined && !digestSuffixPattern.test(digest)) throw invalid();
  const { domain, path } = splitDomain(name);
  if (path.toLowerCase() !== path) throw invalid(`repository name (${path}) must be lowercase`);
  if (!domainPattern.test(domain) || !pathPattern.test(path)) throw invalid();
  if (path.length > maxNameLength) {
    throw new EngineError(
      'invalid-argument',
      `repository name must not be more than ${maxNameLength} characters`,
    );
  }
  return { domain, path, ...(tag === undefined ? {} : { tag }), ...(digest === undefined ? {} : { digest }) };
}

/** The reference with `latest`, where it has neither tag nor digest. */
export function withDefaultTag(reference: Reference): Reference {
  return reference.tag === undefined && reference.digest === undefined
    ? { ...reference, tag: defaultTag }
    : reference;
}

function suffixOf({ tag, digest }: Reference): string {
  return `${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`;
}

/** `docker.io/library/busybox`. */
export function canonicalName(reference: Reference): string {
  return `${reference.domain}/${reference.path}`;
}

/** `busybox`: the shortest name that means the same repository. */
export function familiarName({ domain, path }: Reference): string {
  if (domain !== defaultDomain) return `${domain}/${path}`;
  const short = path.startsWith(officialPrefix) ? path.slice(officialPrefix.length) : path;
  return short.includes('/') ? path : short;
}

/** `docker.io/library/busybox:latest`, with tag and digest as far as the reference has them. */
export function canonicalReference(reference: Reference): string {
  return canonicalName(reference) + suffixOf(reference);
}

/** `busybox:latest`, with tag and digest as far as the reference has them. */
export function familiarReference(reference: Reference): string {
  return familiarName(reference) + suffixOf(reference);
}
