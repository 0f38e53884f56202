/** Calls the API and writes down what was exercised: parameters, fields of bodies, statuses, and where an answer left its schema. */
import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import type { Socket } from 'node:net';
import { type Difference, isKnown } from './differences.ts';
import { markFields, type Operation, type Parameter, type Schema, type Spec } from './spec.ts';
import { type Problem, validate } from './validate.ts';

export interface CallOptions {
  path?: Readonly<Record<string, string>>;
  query?: Readonly<Record<string, string | readonly string[]>>;
  headers?: Readonly<Record<string, string>>;
  /** An object goes out as JSON, bytes as they are. */
  body?: unknown;
  /** The statuses that are right here. */
  expect: number | readonly number[];
  /** Ask for an upgrade, and write this to the connection. */
  upgrade?: { protocol: 'tcp' | 'websocket' | 'h2c'; input?: string | Buffer };
  /** Cut the answer off as soon as this is in it. */
  until?: RegExp;
  /** Milliseconds; 20,000 unless told. */
  timeout?: number;
}

export interface Reply {
  status: number;
  headers: IncomingHttpHeaders;
  bytes: Buffer;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: scenes look into documents of every shape
  json: any;
}

/** What was exercised of one path and method. */
export interface Exercised {
  parameters: Set<string>;
  /** Places of the body's fields. */
  bodyFields: Set<string>;
  /** Places of the answers' fields. */
  answerFields: Set<string>;
  statuses: Set<number>;
  versions: Set<string>;
}

export interface Finding extends Problem {
  route: string;
  version: string;
}

export class Recorder {
  readonly exercised = new Map<string, Exercised>();
  /** Answers with a status that was not expected. */
  readonly failures: string[] = [];
  readonly findings: Finding[] = [];
  /** The known differences that were met. */
  readonly met = new Set<Difference>();
  readonly #spec: Spec;
  readonly #socketPath: string;

  constructor(spec: Spec, socketPath: string) {
    this.#spec = spec;
    this.#socketPath = socketPath;
  }

  /** One call of `method template` (as the specification writes it) by a client of `version`. */
  async call(version: string, method: string, template: string, options: CallOptions): Promise<Reply> {
    const operation = this.#spec.paths[template]?.[method.toLowerCase()];
    if (operation === undefined) throw new Error(`the specification has no ${method} ${template}`);
    const reply = await exchange(this.#socketPath, method, urlOf(version, template, options), options);
    this.#record(version, `${method} ${template}`, operation, options, reply);
    return reply;
  }

  of(route: string): Exercised {
    const known = this.exercised.get(route);
    if (known !== undefined) return known;
    const fresh: Exercised = {
      parameters: new Set(),
      bodyFields: new Set(),
      answerFields: new Set(),
      statuses: new Set(),
      versions: new Set(),
    };
    this.exercised.set(route, fresh);
    return fresh;
  }

  #record(version: string, route: string, operation: Operation, options: CallOptions, reply: Reply): void {
    const entry = this.of(route);
    const { status } = reply;
    entry.statuses.add(status);
    const expected = [options.expect].flat();
    /* What is not built yet is no wrong answer: the table shows it. */
    if (!expected.includes(status) && status !== 501) {
      this.failures.push(
        `v${version} ${route} ${JSON.stringify(options.query ?? {})}: ${status} instead of ${expected.join('/')}: ${reply.text.slice(0, 200)}`,
      );
    }
    if (status === 501) return;
    entry.versions.add(version);
    for (const parameter of operation.parameters) this.#markParameter(entry, parameter, options, status);
    this.#checkAnswer(version, route, operation, entry, reply);
  }

  /** A field of a body counts where the body was taken. */
  #markParameter(entry: Exercised, parameter: Parameter, options: CallOptions, status: number): void {
    const { name } = parameter;
    if (parameter.in !== 'body') {
      const given = { path: options.path, query: options.query, header: options.headers }[parameter.in] ?? {};
      const has = Object.keys(given).some((key) => key.toLowerCase() === name.toLowerCase());
      if (has) entry.parameters.add(`${parameter.in} ${name}`);
    } else if (options.body !== undefined) {
      entry.parameters.add(`body ${name}`);
      if (status < 400) markFields(this.#spec, parameter.schema, name, options.body, entry.bodyFields);
    }
  }

  #checkAnswer(
    version: string,
    route: string,
    operation: Operation,
    entry: Exercised,
    { status, json, headers }: Reply,
  ): void {
    const schema = operation.responses[String(status)];
    if (json === undefined || schema === null) return;
    const expected: Schema = schema ?? { $ref: '#/definitions/ErrorResponse' };
    const isJson = headers['content-type']?.startsWith('application/json') === true;
    if (!isJson) return;
    for (const document of route === 'GET /events' && Array.isArray(json) ? json : [json]) {
      if (status < 400) markFields(this.#spec, expected, route, document, entry.answerFields);
      for (const found of validate(this.#spec, expected, document, route)) {
        const difference = isKnown(found, version);
        if (difference === undefined) this.findings.push({ ...found, route, version });
        else this.met.add(difference);
      }
    }
  }
}

function urlOf(version: string, template: string, options: CallOptions): string {
  const path = template.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = options.path?.[name] ?? '';
    /* Names of images keep their slashes, as clients send them. */
    return encodeURIComponent(value).replaceAll('%2F', '/');
  });
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(options.query ?? {}))
    for (const one of [value].flat()) query.append(name, one);
  const text = query.toString();
  return `/v${version}${path}${text === '' ? '' : `?${text}`}`;
}

function bodyOf(options: CallOptions): { bytes?: Buffer; headers: Record<string, string> } {
  const { body } = options;
  if (body === undefined) return { headers: {} };
  if (Buffer.isBuffer(body)) return { bytes: body, headers: { 'content-type': 'application/x-tar' } };
  return { bytes: Buffer.from(JSON.stringify(body)), headers: { 'content-type': 'application/json' } };
}

function exchange(socketPath: string, method: string, path: string, options: CallOptions): Promise<Reply> {
  const { bytes, headers } = bodyOf(options);
  const { upgrade, until } = options;
  const length: Record<string, string> = bytes === undefined ? {} : { 'content-length': `${bytes.length}` };
  const upgrading: Record<string, string> = upgrade === undefined ? {} : upgradeHeaders(upgrade.protocol);
  const all = { ...headers, ...length, ...upgrading, ...options.headers };
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, method, path, headers: all, agent: false });
    const limit = setTimeout(() => {
      reject(new Error(`${method} ${path}: no end within the time`));
      outgoing.destroy();
    }, options.timeout ?? 20_000);
    const read = (incoming: IncomingMessage, stream: IncomingMessage | Socket, first?: Buffer): void => {
      const chunks: Buffer[] = first === undefined || first.length === 0 ? [] : [first];
      const finish = (): void => {
        clearTimeout(limit);
        outgoing.destroy();
        stream.destroy();
        resolve(replyOf(incoming, Buffer.concat(chunks)));
      };
      stream.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        if (until?.test(Buffer.concat(chunks).toString('latin1')) === true) finish();
      });
      stream.on('end', finish).on('error', finish).on('close', finish);
      if (until?.test(Buffer.concat(chunks).toString('latin1')) === true) finish();
    };
    outgoing.on('response', (incoming) => read(incoming, incoming));
    outgoing.on('upgrade', (incoming, socket, head) => {
      if (upgrade?.input !== undefined) socket.write(upgrade.input);
      read(incoming, socket as Socket, head);
    });
    outgoing.on('error', (error) => {
      clearTimeout(limit);
      reject(error);
    });
    outgoing.end(bytes);
  });
}

function upgradeHeaders(protocol: string): Record<string, string> {
  const headers = { connection: 'Upgrade', upgrade: protocol };
  if (protocol !== 'websocket') return headers;
  return { ...headers, 'sec-websocket-version': '13', 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==' };
}

function replyOf(incoming: IncomingMessage, bytes: Buffer): Reply {
  const text = bytes.toString('utf8');
  const isJson = incoming.headers['content-type']?.startsWith('application/json') === true;
  return {
    status: incoming.statusCode ?? 0,
    headers: incoming.headers,
    bytes,
    text,
    json: isJson ? parseAnswer(text) : undefined,
  };
}

/** One document, or the documents of a stream. A last one that is cut off is left out. */
function parseAnswer(text: string): unknown {
  if (text.trim() === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    const documents = text.split('\n').flatMap((line) => {
      try {
        return line.trim() === '' ? [] : [JSON.parse(line)];
      } catch {
        return [];
      }
    });
    return documents;
  }
}
