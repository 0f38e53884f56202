/** An `ssh` that runs the remote command on this host, and notes what it was told. */
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface FakeSsh {
  /** For PATH. */
  folder: string;
  /** The arguments of each call, one a line. */
  calls(): string[];
}

/** `remotePath` is the PATH of the commands on the other side; `before` is shell that runs first there. */
export function fakeSsh(folder: string, remotePath: string, remoteEnvironment = '', before = ''): FakeSsh {
  const bin = join(folder, 'ssh-bin');
  const log = join(folder, 'ssh-calls');
  mkdirSync(bin, { recursive: true });
  writeFileSync(log, '');
  const script = [
    '#!/bin/sh',
    `echo "$*" >> ${log}`,
    'while [ "$1" != -- ]; do shift; done',
    'shift 2',
    before,
    // As sshd: the words, joined by blanks, to the user's login shell.
    `exec env -i HOME=/nowhere PATH=${remotePath} ${remoteEnvironment} sh -c "$*"`,
  ];
  writeFileSync(join(bin, 'ssh'), `${script.join('\n')}\n`);
  chmodSync(join(bin, 'ssh'), 0o755);
  return { folder: bin, calls: () => readFileSync(log, 'utf8').trim().split('\n') };
}
