/** Hands the signals that this process gets on to a container. */
import { constants } from 'node:os';
import type { ApiClient } from '../../client/api-client.ts';
import { segment } from '../../client/query.ts';

/** Not for the container: they speak of this process and its terminal, or can't be caught. */
const own = new Set([
  'SIGCHLD',
  'SIGCLD',
  'SIGPIPE',
  'SIGURG',
  'SIGWINCH',
  'SIGKILL',
  'SIGSTOP',
  'SIGPROF',
  'SIGIOT',
  'SIGPOLL',
  'SIGUNUSED',
]);
/** Raised by a fault of this process itself: catching them would hide it. */
const faults = new Set(['SIGSEGV', 'SIGBUS', 'SIGFPE', 'SIGILL', 'SIGTRAP', 'SIGABRT', 'SIGSYS']);

/** Begins; the function that it returns ends it. */
export function proxySignals(client: ApiClient, containerId: string): () => void {
  const names = Object.keys(constants.signals).filter((name) => !own.has(name) && !faults.has(name));
  const forward = (signal: NodeJS.Signals) => {
    // A container that has just ended takes no signal, and this process is about to end too.
    client
      .call('POST', `/containers/${segment(containerId)}/kill`, { query: { signal } })
      .catch(() => undefined);
  };
  const listening = names.filter(isSignal).filter((name) => {
    try {
      process.on(name, forward);
      return true;
    } catch {
      return false;
    }
  });
  return () => {
    for (const name of listening) process.off(name, forward);
  };
}

function isSignal(name: string): name is NodeJS.Signals {
  return name in constants.signals;
}
