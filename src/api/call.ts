/** What a route's handler is given, and what it may answer. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Builder } from '../build/build-types.ts';
import type { Engine } from '../engine/engine.ts';
import { EngineError } from '../errors/engine-error.ts';
import { compareApiVersions } from '../wire/api-version.ts';
import { readJson } from './body.ts';
import type { Fields } from './fields.ts';
import type { Query } from './query.ts';

export interface Call {
  readonly engine: Engine;
  readonly builder: Builder;
  /** The named parts of the path, unescaped. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: Query;
  /** API version of the client, `1.51`. */
  readonly version: string;
  /** Its headers, and its body where that is no JSON. */
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** The JSON body, where it was read already. */
  readonly body?: { readonly fields: Fields | undefined };
  /** Takes the response out of the server's hands, for a stream. */
  readonly hijack: () => void;
  /** Aborts when the client goes before the answer is complete. */
  readonly signal: AbortSignal;
}

/** An answer with a status of its own. A handler that returns anything else answers 200 with it, or 204 with undefined. */
export class Answer {
  readonly status: number;
  readonly body: unknown;

  constructor(status: number, body?: unknown) {
    this.status = status;
    this.body = body;
  }
}

export type Handler = (call: Call) => unknown;

/** One part of the path. */
export function param(call: Call, name: string): string {
  const value = call.params[name];
  if (value === undefined) throw new EngineError('internal', `route without parameter ${name}`);
  return value;
}

/** True if the client speaks `version` or a newer one. */
export function speaks(call: Pick<Call, 'version'>, version: string): boolean {
  return compareApiVersions(call.version, version) >= 0;
}

/** The fields of the JSON body; undefined where there is none. */
export async function jsonBody(call: Call): Promise<Fields | undefined> {
  return call.body === undefined ? readJson(call.request.headers, call.request) : call.body.fields;
}

/** The fields of the JSON body. EngineError `invalid-argument` where there is none. */
export async function requiredJsonBody(call: Call): Promise<Fields> {
  const fields = await jsonBody(call);
  if (fields === undefined) {
    throw new EngineError('invalid-argument', 'invalid JSON: got EOF while reading request body');
  }
  return fields;
}
