/** Searches a registry for repositories: by Docker's old search interface, else in the registry's catalogue. */
import { EngineError } from '../errors/engine-error.ts';
import { firstOwnEndpoint } from './fetch-manifest.ts';
import type { ImageParts } from './image-parts.ts';
import type { RegistryAuth, SearchResult } from './image-types.ts';
import type { Endpoint } from './registry/endpoints.ts';
import { readText } from './registry/read-text.ts';
import { nextPage } from './registry/registry-client.ts';
import { textOfFailure } from './registry/registry-error.ts';
import { RegistrySession } from './registry/registry-session.ts';
import { type Answer, discard } from './registry/transport.ts';

/** Docker Hub is searched elsewhere than it is pulled from. */
const hubEndpoint: Endpoint = { url: 'https://index.docker.io', isMirror: false, isInsecure: false };
const maxAnswerSize = 16 * 1024 * 1024;
/** Names in one page of a catalogue, and pages at most. */
const pageSize = 1000;
const maxPages = 20;

interface Query {
  session: RegistrySession;
  /** `host:5000`, '' for Docker Hub. */
  host: string;
  term: string;
  limit: number;
  signal: AbortSignal | undefined;
}

/** `alpine` on Docker Hub, or `HOST/alpine` on another registry. EngineErrors `invalid-argument`, `unauthorized`, `unavailable`. */
export async function searchImages(
  { transport, config }: ImageParts,
  text: string,
  limit: number,
  auth?: RegistryAuth,
  signal?: AbortSignal,
): Promise<SearchResult[]> {
  const { host, term } = splitTerm(text);
  const ask = async (endpoint: Endpoint): Promise<SearchResult[]> => {
    const session = new RegistrySession(transport, endpoint, auth);
    const query: Query = { session, host, term, limit, signal };
    return (await searchIndex(query)) ?? (await searchCatalogue(query));
  };
  return await (host === '' ? ask(hubEndpoint) : firstOwnEndpoint(host, config, ask));
}

function splitTerm(text: string): { host: string; term: string } {
  if (/^[a-z]+:\/\//.test(text))
    throw new EngineError(
      'invalid-argument',
      'invalid repository name: repository name should not contain a scheme',
      {
        hint: 'write it as HOST/TERM',
      },
    );
  const slash = text.indexOf('/');
  const first = slash === -1 ? '' : text.slice(0, slash);
  const isHost = /[.:]/.test(first) || first === 'localhost';
  const host = isHost && !['docker.io', 'index.docker.io'].includes(first) ? first : '';
  const term = isHost ? text.slice(slash + 1) : text;
  return { host, term: host === '' ? term.replace(/^library\//, '') : term };
}

/** Docker's search interface, version 1; undefined where the registry has none. */
async function searchIndex(query: Query): Promise<SearchResult[] | undefined> {
  const { session, host, term, limit, signal } = query;
  const url = new URL(`${session.endpoint.url}/v1/search`);
  url.searchParams.set('q', term);
  url.searchParams.set('n', String(limit));
  const answer = await session.send({
    path: '',
    url,
    headers: { accept: 'application/json' },
    scopes: [],
    signal,
  });
  const isElsewhere = host !== '' && answer.status !== 200 && answer.status !== 401;
  if (isElsewhere) return void discard(answer);
  const document = await readDocument(query, answer);
  const results = document['results'];
  return Array.isArray(results) ? results.flatMap(parseResult).slice(0, limit) : undefined;
}

function parseResult(value: unknown): SearchResult[] {
  if (typeof value !== 'object' || value === null || !('name' in value)) return [];
  const fields: Record<string, unknown> = { ...value };
  const { name, description, star_count: stars } = fields;
  if (typeof name !== 'string') return [];
  return [
    {
      name,
      description: typeof description === 'string' ? description : '',
      starCount: typeof stars === 'number' ? stars : 0,
      isOfficial: fields['is_official'] === true,
      isAutomated: fields['is_automated'] === true,
    },
  ];
}

/** The names in a registry's catalogue that hold the term, by which they can be pulled. */
async function searchCatalogue(query: Query): Promise<SearchResult[]> {
  const { session, host, term, limit, signal } = query;
  const found: SearchResult[] = [];
  let next: URL | undefined = session.url(`_catalog?n=${pageSize}`);
  for (let page = 0; next !== undefined && page < maxPages && found.length < limit; page += 1) {
    const answer: Answer = await session.send({
      path: '',
      url: next,
      scopes: ['registry:catalog:*'],
      signal,
    });
    const names = (await readDocument(query, answer))['repositories'];
    for (const name of Array.isArray(names) ? names : []) {
      if (typeof name !== 'string' || !name.includes(term.toLowerCase())) continue;
      found.push({
        name: `${host}/${name}`,
        description: '',
        starCount: 0,
        isOfficial: false,
        isAutomated: false,
      });
    }
    next = nextPage(answer);
  }
  return found.slice(0, limit);
}

async function readDocument({ session, host }: Query, answer: Answer): Promise<Record<string, unknown>> {
  if (answer.status !== 200) {
    const failure = await session.failure(answer);
    const isRefused = answer.status === 401 || answer.status === 403;
    throw new EngineError(
      isRefused ? 'unauthorized' : 'unavailable',
      `cannot search ${host === '' ? 'Docker Hub' : host}: ${textOfFailure(failure)}`,
      {
        hint: failure.hint ?? (isRefused ? 'log in to the registry first' : 'the registry offers no search'),
        details: { status: answer.status, code: failure.code },
      },
    );
  }
  try {
    const value: unknown = JSON.parse(await readText(answer.body, maxAnswerSize));
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch (error) {
    throw new EngineError('unavailable', `${answer.url.host} answered a search with what is no JSON`, {
      cause: error,
    });
  }
}
