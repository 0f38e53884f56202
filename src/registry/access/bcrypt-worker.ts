/** A thread that compares passwords with their bcrypt hashes: each takes some 50 ms of a core, which the event loop has not. */
import { parentPort } from 'node:worker_threads';
import { compareSync } from 'bcryptjs';
import type { CompareReply, CompareRequest } from './password-check.ts';

parentPort?.on('message', ({ id, password, hash }: CompareRequest) => {
  let matches = false;
  try {
    matches = compareSync(password, hash);
  } catch {
    // A malformed hash matches nothing.
  }
  parentPort?.postMessage({ id, matches } satisfies CompareReply);
});
