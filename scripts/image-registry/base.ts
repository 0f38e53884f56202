/** The lower layer of the registry's image: Node.js with the libraries it needs, busybox, certificates of authorities. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Tree } from './tree.ts';

const busyboxPaths = ['/bin/busybox', '/usr/bin/busybox'];
const authorities = '/etc/ssl/certs/ca-certificates.crt';
/** glibc loads these by name when it first resolves a host, in versions that have them as files. */
const lateLibraries = ['libnss_dns.so.2', 'libnss_files.so.2', 'libresolv.so.2'];
const applets =
  '[ ash awk basename cat chmod chown cp cut date df dirname du echo env expr false find grep gzip head hostname id kill ln ls md5sum mkdir ' +
  'more mv nc netstat nslookup pidof ping printf ps pwd rm rmdir sed sh sha256sum sleep sort stat su sync tail tar tee test top touch tr true ' +
  'uname uniq vi wc wget which whoami xargs zcat';

/** `nodePath`: the binary that runs the registry. Fails where busybox is missing. */
export function baseTree(nodePath: string): Tree {
  const tree = new Tree();
  const busybox = busyboxPaths.find((path) => existsSync(path));
  if (busybox === undefined) throw new Error('busybox is missing: apt-get install busybox-static');
  addProgram(tree, '/usr/local/bin/node', nodePath, true);
  addProgram(tree, '/bin/busybox', busybox, false);
  for (const applet of applets.split(' ')) tree.link(`/bin/${applet}`, 'busybox');
  tree.file('/etc/passwd', 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n');
  tree.file('/etc/group', 'root:x:0:\nnogroup:x:65534:\n');
  tree.file('/etc/nsswitch.conf', 'hosts: files dns\n');
  if (existsSync(authorities)) tree.file(authorities, readFileSync(authorities));
  tree.directory('/root', 0o700);
  tree.directory('/tmp', 0o1777);
  return tree;
}

function addProgram(tree: Tree, path: string, source: string, strip: boolean): void {
  tree.file(path, strip ? stripped(source) : readFileSync(source), 0o755);
  const libraries = librariesOf(source);
  for (const library of libraries) addLibrary(tree, library);
  const folder = libraries.map(dirname).find((one) => existsSync(join(one, 'libc.so.6')));
  if (folder === undefined) return;
  for (const name of lateLibraries) if (existsSync(join(folder, name))) addLibrary(tree, join(folder, name));
}

function addLibrary(tree: Tree, path: string): void {
  if (!tree.has(path)) tree.file(path, readFileSync(realpathSync(path)), 0o755);
}

/** Paths of the dynamic loader and of the libraries it would load; none for a static program. */
function librariesOf(program: string): string[] {
  const { stdout } = spawnSync('ldd', [program], { encoding: 'utf8' });
  return [...stdout.matchAll(/(?:=> )?(\/\S+) \(0x[0-9a-f]+\)/g)].map((match) => match[1] ?? '');
}

/** Without symbols, which nobody reads there; as it is where binutils is missing. */
function stripped(source: string): Buffer {
  const folder = mkdtempSync(join(tmpdir(), 'gantry-strip-'));
  try {
    const target = join(folder, 'program');
    const { status } = spawnSync('strip', ['-o', target, realpathSync(source)]);
    return readFileSync(status === 0 ? target : source);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
