/** The upper layer of the registry's image: the bundled program, its entry point and its configuration, where users of `registry:2` expect them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Tree } from './tree.ts';

const home = '/usr/lib/gantry-registry';

const launcher = `#!/bin/sh
exec /usr/local/bin/node --disable-warning=ExperimentalWarning ${home}/gantry-registry.js "$@"
`;

/** A file stands for serving it, a command or a flag for the program, and anything else is run as it is. */
const entrypoint = `#!/bin/sh
set -e
case "$1" in
  *.yml | *.yaml) exec registry serve "$@" ;;
  serve | garbage-collect | check-config | hash-password | help | -*) exec registry "$@" ;;
esac
exec "$@"
`;

/** What many instructions run in this image to make a password file: htpasswd -Bbn USER PASSWORD. */
const htpasswd = `#!/bin/sh
flags=
while [ "\${1#-}" != "$1" ]; do flags=$flags\${1#-}; shift; done
case $#:$flags in
  2:*b*n* | 2:*n*b*) exec registry hash-password "$1" <<END
$2
END
    ;;
  1:*n*) exec registry hash-password "$1" ;;
esac
echo "usage: htpasswd -Bbn USER PASSWORD (prints a line for the file)" >&2
exit 2
`;

const configuration = `version: 0.1
log:
  fields:
    service: registry
storage:
  cache:
    blobdescriptor: inmemory
  filesystem:
    rootdirectory: /var/lib/registry
http:
  addr: :5000
  headers:
    X-Content-Type-Options: [nosniff]
health:
  storagedriver:
    enabled: true
    interval: 10s
    threshold: 3
`;

/** `dist`: the folder with the bundles. */
export function programTree(dist: string, license: string): Tree {
  const tree = new Tree();
  for (const name of ['gantry-registry.js', 'bcrypt-worker.js'])
    tree.file(`${home}/${name}`, readFileSync(join(dist, name)));
  tree.file(`${home}/package.json`, '{"type":"module"}\n');
  tree.file(`${home}/LICENSE`, readFileSync(license));
  tree.file('/bin/registry', launcher, 0o755);
  tree.link('/bin/gantry-registry', 'registry');
  tree.file('/usr/bin/htpasswd', htpasswd, 0o755);
  tree.file('/entrypoint.sh', entrypoint, 0o755);
  tree.file('/etc/docker/registry/config.yml', configuration);
  tree.directory('/var/lib/registry');
  return tree;
}
