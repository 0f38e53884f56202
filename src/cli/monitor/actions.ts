/** What the monitor's keys do to a container. */
import type { ApiClient } from '../../client/api-client.ts';
import { segment } from '../../client/query.ts';

export interface Action {
  /** `Stop web?`; undefined for what needs no question. */
  question?: (name: string) => string;
  /** Said while it is under way. */
  doing: string;
  /** Said of it afterwards. */
  done: string;
  run: (client: ApiClient, id: string, state: string) => Promise<unknown>;
}

function post(operation: string): Action['run'] {
  return (client, id) => client.call('POST', `/containers/${segment(id)}/${operation}`);
}

export const actions: ReadonlyMap<string, Action> = new Map([
  ['s', { question: (name) => `Stop ${name}?`, doing: 'Stopping', done: 'stopped', run: post('stop') }],
  ['k', { question: (name) => `Kill ${name}?`, doing: 'Killing', done: 'killed', run: post('kill') }],
  [
    'r',
    { question: (name) => `Restart ${name}?`, doing: 'Restarting', done: 'restarted', run: post('restart') },
  ],
  ['t', { doing: 'Starting', done: 'started', run: post('start') }],
  [
    'p',
    {
      doing: 'Pausing or resuming',
      done: 'paused or resumed',
      run: (client, id, state) => post(state === 'paused' ? 'unpause' : 'pause')(client, id, state),
    },
  ],
  [
    'x',
    {
      question: (name) => `Remove ${name}, also if it runs?`,
      doing: 'Removing',
      done: 'removed',
      run: (client, id) => client.call('DELETE', `/containers/${segment(id)}`, { query: { force: true } }),
    },
  ],
] satisfies Array<[string, Action]>);
