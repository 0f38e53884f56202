/** The monitor itself: what is shown, and what each key does. */
import { isEngineError, messageOf } from '../../errors/engine-error.ts';
import type { Context } from '../context.ts';
import type { FilterMap } from '../filters.ts';
import { type Style, styleFor } from '../help/style.ts';
import { windowSize } from '../terminal/window-size.ts';
import { type Action, actions } from './actions.ts';
import { MonitorFeed } from './feed.ts';
import { arrange, type Monitored, nameOf, type SortKey, sortKeys } from './listing.ts';
import { openHelp, openInspect, openLogs, type Pane } from './pane.ts';
import { drawList, drawText, listHeight, type Size, textHeight } from './view.ts';

export interface MonitorOptions {
  all: boolean;
  filters: FilterMap;
  sort: SortKey;
  /** Draws soon. */
  changed: () => void;
  /** Runs a shell in the container, with the terminal to itself. */
  enter: (container: string) => Promise<void>;
}

/** Waits for one more key. */
interface Question {
  text: string;
  yes: () => void;
}

const sortLetters: Readonly<Record<string, SortKey>> = { C: 'cpu', M: 'memory', N: 'network', D: 'disk' };

export class Monitor {
  readonly feed: MonitorFeed;
  readonly #context: Context;
  readonly #options: MonitorOptions;
  readonly #style: Style;
  #sort: SortKey;
  #reverse = false;
  #selected: string | undefined;
  #needle = '';
  /** What is typed as the filter; undefined where none is being typed. */
  #typing: string | undefined;
  #question: Question | undefined;
  #message = '';
  #pane: Pane | undefined;

  constructor(context: Context, options: MonitorOptions) {
    this.#context = context;
    this.#options = options;
    this.#sort = options.sort;
    this.#style = styleFor(context.io.stdout, context.io.env);
    const { client } = context;
    this.feed = new MonitorFeed({
      client,
      all: options.all,
      filters: options.filters,
      changed: options.changed,
    });
  }

  /** Lines for a screen of that size. */
  draw(size: Size): string[] {
    if (this.#pane !== undefined) return drawText(this.#pane.view(textHeight(size)), size, this.#style);
    const rows = this.#rows();
    const view = {
      rows,
      selected: this.#current(rows)?.summary.Id,
      sort: this.#sort,
      reverse: this.#reverse,
      all: this.feed.all,
      needle: this.#typing ?? this.#needle,
      daemon: this.#context.client.endpoint.label,
      problem: this.feed.problem,
      message: this.#prompt(),
    };
    return drawList(view, size, this.#style);
  }

  /** Does what the key says; true for the end. */
  press(key: string): boolean {
    if (key === 'ctrl-c') return true;
    this.#message = '';
    if (this.#question !== undefined) this.#answer(key, this.#question);
    else if (this.#typing !== undefined) this.#type(key, this.#typing);
    else if (this.#pane !== undefined) this.#pressInPane(key, this.#pane);
    else if (key === 'q') return true;
    else this.#pressInList(key);
    this.#options.changed();
    return false;
  }

  close(): void {
    this.#pane?.close();
    this.feed.stop();
  }

  #prompt(): string {
    if (this.#typing !== undefined) return `Filter: ${this.#typing}_  (Enter keeps it, Esc drops it)`;
    return this.#question === undefined ? this.#message : `${this.#question.text} [y/N]`;
  }

  #rows(): Monitored[] {
    const needle = this.#typing ?? this.#needle;
    return arrange(this.feed.containers.values(), { needle, key: this.#sort, reverse: this.#reverse });
  }

  /** The chosen one, or the first where that has gone. */
  #current(rows: readonly Monitored[]): Monitored | undefined {
    return rows.find(({ summary }) => summary.Id === this.#selected) ?? rows[0];
  }

  #answer(key: string, question: Question): void {
    this.#question = undefined;
    if (key === 'y' || key === 'Y') question.yes();
  }

  #type(key: string, text: string): void {
    if (key === 'enter') {
      this.#needle = text;
      this.#typing = undefined;
    } else if (key === 'escape') {
      this.#needle = '';
      this.#typing = undefined;
    } else if (key === 'backspace') this.#typing = [...text].slice(0, -1).join('');
    else if ([...key].length === 1) this.#typing = text + key;
  }

  #pressInPane(key: string, pane: Pane): void {
    if (pane.move(key, textHeight(size()))) return;
    if (!['q', 'escape', 'left', 'enter'].includes(key)) return;
    pane.close();
    this.#pane = undefined;
  }

  #pressInList(key: string): void {
    const rows = this.#rows();
    if (this.#moveTo(key, rows) || this.#arrangeBy(key)) return;
    if (key === '/') this.#typing = this.#needle;
    else if (key === 'escape') this.#needle = '';
    else if (key === 'a') this.feed.all = !this.feed.all;
    else if (key === '?' || key === 'h') this.#pane = openHelp();
    else this.#pressOn(key, this.#current(rows));
  }

  #moveTo(key: string, rows: readonly Monitored[]): boolean {
    const room = listHeight(size());
    const current = this.#current(rows);
    const index = current === undefined ? 0 : rows.indexOf(current);
    const targets: Readonly<Record<string, number>> = {
      up: index - 1,
      down: index + 1,
      'page-up': index - room,
      'page-down': index + room,
      home: 0,
      end: rows.length - 1,
    };
    const target = targets[key];
    if (target === undefined) return false;
    this.#selected = rows[Math.min(rows.length - 1, Math.max(0, target))]?.summary.Id;
    return true;
  }

  #arrangeBy(key: string): boolean {
    const chosen = sortLetters[key];
    if (chosen !== undefined) this.#sort = chosen;
    else if (key === 'R') this.#reverse = !this.#reverse;
    else if (key === 'o')
      this.#sort = sortKeys[(sortKeys.indexOf(this.#sort) + 1) % sortKeys.length] ?? 'cpu';
    else return false;
    this.#message = `Ordered by ${this.#sort}${this.#reverse ? ', the other way round' : ''}`;
    return true;
  }

  #pressOn(key: string, one: Monitored | undefined): void {
    if (one === undefined) return;
    this.#selected = one.summary.Id;
    const { client } = this.#context;
    const id = one.summary.Id;
    const action = actions.get(key);
    if (action !== undefined) this.#ask(action, one);
    else if (key === 'l') this.#pane = openLogs(client, id, nameOf(one), this.#options.changed);
    else if (key === 'i') this.#report(this.#inspect(id, nameOf(one)));
    else if (key === 'e' || key === 'enter') this.#report(this.#options.enter(id));
  }

  async #inspect(id: string, name: string): Promise<void> {
    this.#pane = await openInspect(this.#context.client, id, name);
  }

  #ask(action: Action, one: Monitored): void {
    const perform = () => this.#report(this.#perform(action, one));
    if (action.question === undefined) perform();
    else this.#question = { text: action.question(nameOf(one)), yes: perform };
  }

  async #perform(action: Action, one: Monitored): Promise<void> {
    this.#message = `${action.doing} ${nameOf(one)} …`;
    try {
      await action.run(this.#context.client, one.summary.Id, one.summary.State);
    } catch (error) {
      if (!isEngineError(error, 'not-modified')) throw error;
    }
    this.#message = `${nameOf(one)}: ${action.done}`;
  }

  /** What fails is said in the foot. */
  #report(work: Promise<void>): void {
    work
      .catch((error: unknown) => {
        this.#message = messageOf(error);
      })
      .finally(this.#options.changed);
  }
}

/** 24 rows of 80 where nobody knows. */
export function size(): Size {
  return windowSize() ?? { height: 24, width: 80 };
}
