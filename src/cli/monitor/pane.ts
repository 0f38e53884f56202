/** A text in place of the monitor's list: logs that grow, what inspect says, or help. */
import type { ApiClient } from '../../client/api-client.ts';
import { HijackedStream } from '../../client/hijacked-stream.ts';
import { segment } from '../../client/query.ts';
import { messageOf } from '../../errors/engine-error.ts';
import type { ContainerInspect } from '../../wire/container.ts';
import { harmless } from './text.ts';
import type { TextView } from './view.ts';

/** Lines that are kept of a log. */
const maxLines = 5000;
const firstLines = '500';

export class Pane {
  readonly title: string;
  lines: string[] = [];
  message = '';
  /** The end is shown, whatever comes. */
  #follows: boolean;
  #top = 0;
  readonly #abort = new AbortController();

  /** With `follows` the end is shown first, and what comes then. */
  constructor(title: string, follows: boolean, lines: readonly string[] = []) {
    this.title = title;
    this.lines = [...lines];
    this.#follows = follows;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  add(lines: readonly string[]): void {
    this.lines.push(...lines);
    const surplus = Math.max(0, this.lines.length - maxLines);
    this.lines.splice(0, surplus);
    this.#top = Math.max(0, this.#top - surplus);
  }

  close(): void {
    this.#abort.abort();
  }

  /** True for a key that moved the text. */
  move(key: string, room: number): boolean {
    const last = Math.max(0, this.lines.length - room);
    const top = this.#topFor(room);
    const targets: Readonly<Record<string, number>> = {
      up: top - 1,
      down: top + 1,
      'page-up': top - room,
      'page-down': top + room,
      home: 0,
      end: last,
    };
    const target = targets[key];
    if (target === undefined) return false;
    this.#top = Math.min(last, Math.max(0, target));
    this.#follows = this.#top === last;
    return true;
  }

  view(room: number): TextView {
    return { title: this.title, lines: this.lines, top: this.#topFor(room), message: this.message };
  }

  #topFor(room: number): number {
    return this.#follows ? Math.max(0, this.lines.length - room) : this.#top;
  }
}

/** The end of the container's log, and what is added to it. */
export function openLogs(client: ApiClient, id: string, name: string, changed: () => void): Pane {
  const pane = new Pane(`Logs of ${name}`, true);
  followLogs(client, id, pane, changed).catch((error: unknown) => {
    if (!pane.signal.aborted) pane.message = messageOf(error);
    changed();
  });
  return pane;
}

async function followLogs(client: ApiClient, id: string, pane: Pane, changed: () => void): Promise<void> {
  const path = `/containers/${segment(id)}`;
  const { signal } = pane;
  const { Config } = await client.call<ContainerInspect>('GET', `${path}/json`, { signal });
  const query = { stdout: true, stderr: true, follow: true, tail: firstLines };
  const stream = new HijackedStream(await client.open('GET', `${path}/logs`, { query, signal }), !Config.Tty);
  const utf8 = new TextDecoder();
  let pending = '';
  for await (const { data } of stream.frames(!Config.Tty)) {
    const lines = (pending + utf8.decode(data, { stream: true })).split('\n');
    pending = lines.pop() ?? '';
    pane.add(lines.map(harmless));
    changed();
  }
  if (pending !== '') pane.add([harmless(pending)]);
  pane.message = 'The container has ended; q goes back';
  changed();
}

/** What `gantry inspect` prints. */
export async function openInspect(client: ApiClient, id: string, name: string): Promise<Pane> {
  const document = await client.call<ContainerInspect>('GET', `/containers/${segment(id)}/json`);
  const lines = JSON.stringify(document, null, 2).split('\n').map(harmless);
  return new Pane(`Inspect of ${name}`, false, lines);
}

export function openHelp(): Pane {
  return new Pane('Keys', false, [
    '↑ ↓ PgUp PgDn Home End   choose a container',
    's   stop it (asks first)',
    'k   kill it (asks first)',
    'r   restart it (asks first)',
    'p   pause it, or let it go on',
    't   start it',
    'x   remove it (asks first)',
    'e   enter it: a shell inside; its end leads back here',
    'l   read its log',
    'i   inspect it',
    '/   show only what has this text in its name, image, state or ID',
    'o   order by the next of CPU, memory, network, disk, name, age',
    'C M N D   order by CPU, memory, network, disk',
    'R   turn the order round',
    'a   show containers that have ended too',
    'q   quit, as does Ctrl-C',
    '',
    'CPU: 100 % is one processor. Memory is without the page cache that is not in use.',
    'IN/s, OUT/s, READ/s, WRITE/s: bytes per second, in powers of 1024.',
  ]);
}
