/** `GET /events`. */
import type { EngineEvent } from '../engine/model.ts';
import type { EventMessage } from '../wire/event-message.ts';
import { encodeJsonLine } from '../wire/json-stream.ts';
import type { Call } from './call.ts';
import { openStream, writeThrough } from './stream-response.ts';

export async function getEvents(call: Call): Promise<void> {
  const since = call.query.optional('since');
  const until = call.query.optional('until');
  const range = { ...(since === undefined ? {} : { since }), ...(until === undefined ? {} : { until }) };
  const { engine } = call;
  const daemon = [engine.id, engine.host.hostname];
  const events = engine.events.subscribe({ ...range, daemon, filters: call.query.filters() }, call.signal);
  openStream(call, 'application/json');
  for await (const event of events) {
    if (!(await writeThrough(call.response, encodeJsonLine(encodeEvent(event))))) break;
  }
  call.response.end();
}

export function encodeEvent(event: EngineEvent): EventMessage {
  return {
    ...legacyFields(event),
    Type: event.type,
    Action: event.action,
    Actor: { ID: event.actorId, Attributes: event.attributes },
    scope: 'local',
    time: Number(event.timeNano / 1_000_000_000n),
    timeNano: rawNumber(event.timeNano),
  };
}

/** What events were before 1.22; containers and images still have it. */
function legacyFields(event: EngineEvent): Pick<EventMessage, 'status' | 'id' | 'from'> {
  if (event.type !== 'container' && event.type !== 'image') return {};
  const from = event.type === 'container' ? event.attributes['image'] : undefined;
  return { status: event.action, id: event.actorId, ...(from === undefined ? {} : { from }) };
}

/** All digits of a number that JavaScript can't hold: `JSON.rawJSON` of ECMAScript's proposal, in V8 since Node.js 21. */
function rawNumber(value: bigint): number {
  const { rawJSON } = JSON as typeof JSON & { rawJSON: (text: string) => number };
  return rawJSON(value.toString());
}
