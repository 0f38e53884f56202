/** A reaper for Testcontainers, of busybox, shell and a few lines of C: what its own image does, where no registry can be reached. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestDaemon } from './daemon.ts';
import { buildBusyboxImage, dockerArchive } from './image-fixtures.ts';
import { tarOf } from './tar-writer.ts';

/** busybox's nc knows no Unix sockets: this sends stdin to one, and prints what comes back. */
const socketPipe = `
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
int main(void) {
  struct sockaddr_un name = {AF_UNIX, "/var/run/docker.sock"};
  char buffer[65536];
  ssize_t size;
  int engine = socket(AF_UNIX, SOCK_STREAM, 0);
  if (engine < 0 || connect(engine, (struct sockaddr *)&name, sizeof name) != 0) return perror("connect"), 1;
  while ((size = read(0, buffer, sizeof buffer)) > 0)
    if (write(engine, buffer, size) != size) return 1;
  while ((size = read(engine, buffer, sizeof buffer)) > 0)
    if (write(1, buffer, size) != size) return 1;
  return 0;
}
`;

const listen = `#!/bin/sh
trap 'exit 0' TERM
nc -ll -p 8080 -e /bin/reap &
until grep -q :1F90 /proc/net/tcp /proc/net/tcp6; do sleep 0.05; done
echo Started
wait
`;

/*
 * The protocol: a session holds a connection to port 8080 and writes filters, one a line (label=name=value); each is
 * answered with ACK. When the connection ends, what carries the labels is removed, and the reaper goes too.
 */
const reap = `#!/bin/sh
engine() { printf '%s %s HTTP/1.0\\r\\nHost: engine\\r\\n\\r\\n' "$1" "$2" | socket-pipe; }
field() { tr ',{[' '\\n\\n\\n' | sed -n "s/^\\"$1\\":\\"\\([^\\"]*\\)\\".*/\\1/p" | sort -u; }
me=$(hostname)
filters=
while read -r line; do
  line=$(printf %s "$line" | tr -d '\\r')
  [ -n "$line" ] || continue
  filters="$filters \${line#label=}"
  echo ACK
done
for label in $filters; do
  query="filters=%7B%22label%22%3A%5B%22$label%22%5D%7D"
  for id in $(engine GET "/v1.44/containers/json?all=1&$query" | field Id); do
    case $id in "$me"*) ;; *) engine DELETE "/v1.44/containers/$id?force=1&v=1" ;; esac
  done
  for id in $(engine GET "/v1.44/networks?$query" | field Id); do engine DELETE "/v1.44/networks/$id"; done
  for name in $(engine GET "/v1.44/volumes?$query" | field Name); do engine DELETE "/v1.44/volumes/$name"; done
done >/dev/null
engine DELETE "/v1.44/containers/$me?force=1" >/dev/null
`;

function compiledPipe(): Buffer {
  const directory = mkdtempSync(join(tmpdir(), 'gantry-reaper-'));
  const program = join(directory, 'socket-pipe');
  try {
    execFileSync('gcc', ['-O1', '-static', '-x', 'c', '-o', program, '-'], { input: socketPipe });
    return readFileSync(program);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Loads it under the name by which a version of Testcontainers asks for it. */
export async function loadReaper(daemon: TestDaemon, name: string): Promise<void> {
  const layer = tarOf([
    { name: 'bin/socket-pipe', data: compiledPipe(), mode: 0o755 },
    { name: 'bin/listen', data: listen, mode: 0o755 },
    { name: 'bin/reap', data: reap, mode: 0o755 },
  ]);
  const config = { Env: ['PATH=/bin'], Cmd: ['/bin/listen'], ExposedPorts: { '8080/tcp': {} } };
  const image = buildBusyboxImage({ config, extraLayers: [layer] });
  const loaded = await daemon.docker(['load'], { input: dockerArchive([{ image, tags: [name] }]) });
  if (loaded.code !== 0) throw new Error(`cannot load the reaper: ${loaded.stderr}`);
}
