/** `gantry events`. */
import type { EventMessage } from '../../../wire/event-message.ts';
import { defineCommand } from '../../command.ts';
import { filterFlag, filtersQuery } from '../../filters.ts';
import { text } from '../../flags/kinds.ts';
import { toTimestamp } from '../../flags/timestamps.ts';
import { compileTemplate } from '../../output/format-rows.ts';
import { localRfc3339 } from '../../output/human.ts';
import { executeTemplate } from '../../template/evaluate.ts';
import { toGoValue } from '../../template/value.ts';

export const events = defineCommand({
  usage: '[OPTIONS]',
  examples: [
    ['events --filter type=container --filter event=die', 'Containers that end'],
    ['events --since 10m --until 0s', 'What happened in the last ten minutes'],
    ["events --format '{{json .}}'", 'One JSON document per line'],
  ],
  arguments: [0, 0],
  flags: {
    filter: filterFlag('Filter output based on conditions provided', 'f'),
    format: text("Format output: 'json', or a Go template such as '{{.Type}} {{.Action}}'"),
    since: text('Show all events created since timestamp'),
    until: text('Stream events until this timestamp'),
  },
  run: async ({ client, io }, { flags }) => {
    const render = renderer(flags.format);
    const query = {
      since: toTimestamp(flags.since),
      until: toTimestamp(flags.until),
      ...filtersQuery(flags.filter),
    };
    // Lines, not documents: a nanosecond time is beyond the precision of a JavaScript number.
    for await (const line of client.lines('GET', '/events', { query })) io.stdout.write(`${render(line)}\n`);
    return 0;
  },
});

function renderer(format: string): (line: string) => string {
  if (format === 'json' || format === '{{json .}}') return (line) => line;
  if (format === '') return (line) => describeEvent(JSON.parse(line), nanosecondsOf(line));
  const template = compileTemplate(format);
  return (line) => executeTemplate(template, toGoValue(withGoNames(JSON.parse(line))));
}

/** Docker's fields for templates: some differ from those of the JSON. */
function withGoNames(event: EventMessage): object {
  return {
    ...event,
    Status: event.status ?? '',
    ID: event.id ?? '',
    From: event.from ?? '',
    Scope: event.scope,
    Time: event.time,
    TimeNano: event.timeNano,
  };
}

/** The nanoseconds within the second, as nine digits. */
function nanosecondsOf(line: string): string {
  const digits = /"timeNano":\s*(\d{10,})/.exec(line)?.[1];
  return digits === undefined ? '000000000' : digits.slice(-9);
}

/** `2025-05-01T12:00:00.000000000Z container start ID (image=…, name=…)`. */
function describeEvent(event: EventMessage, nanoseconds: string): string {
  const time = localRfc3339(event.time).replace(/(?<=T\d\d:\d\d:\d\d)/, `.${nanoseconds}`);
  const attributes = Object.entries(event.Actor.Attributes ?? {})
    .map(([name, value]) => `${name}=${value}`)
    .sort();
  const suffix = attributes.length === 0 ? '' : ` (${attributes.join(', ')})`;
  return `${time} ${event.Type} ${event.Action} ${event.Actor.ID}${suffix}`;
}
