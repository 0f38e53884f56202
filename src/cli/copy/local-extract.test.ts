/** Trees of this host that become a tar and a tree again, and archives that want to leave their directory. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { isEngineError } from '../../errors/engine-error.ts';
import type { TarEntry, TarEntryType } from '../../util/tar/tar-entry.ts';
import { TarReader } from '../../util/tar/tar-reader.ts';
import { endOfArchive, memberHeader } from '../../util/tar/tar-writer.ts';
import { LocalExtractor } from './local-extract.ts';
import { localTar } from './local-tar.ts';

const scratch = mkdtempSync(join(tmpdir(), 'gantry-local-'));
after(() => rmSync(scratch, { recursive: true }));

function extract(directory: string, tar: Buffer, renaming = { from: '', to: '' }): void {
  const extractor = new LocalExtractor(directory, renaming);
  const reader = new TarReader(extractor);
  reader.push(tar);
  reader.finish();
  extractor.finish();
}

function entry(name: string, type: TarEntryType, link = ''): TarEntry {
  return {
    name: Buffer.from(name),
    type,
    link: Buffer.from(link),
    mode: 0o755,
    uid: 0,
    gid: 0,
    size: 0,
    mtime: { seconds: 1_000_000_000, nanoseconds: 0 },
    major: 0,
    minor: 0,
    xattrs: new Map(),
  };
}

function archiveOf(...entries: TarEntry[]): Buffer {
  return Buffer.concat([...entries.map(memberHeader), endOfArchive]);
}

test('a tree comes back with modes, times, links and odd names', async () => {
  const source = join(scratch, 'source');
  mkdirSync(join(source, 'sub'), { recursive: true });
  writeFileSync(join(source, 'file'), 'x'.repeat(700_000));
  writeFileSync(Buffer.concat([Buffer.from(`${source}/`), Buffer.from([0xff, 0xfe])]), 'bytes');
  writeFileSync(join(source, 'sub', 'n'.repeat(200)), '');
  symlinkSync('file', join(source, 'link'));
  const commands =
    'ln file hard; mkfifo pipe; chmod 2750 sub; chmod 600 file; touch -d @1000000000 file sub; touch -h -d @1000000000 link';
  execFileSync('sh', ['-ec', commands], { cwd: source });
  const chunks: Buffer[] = [];
  for await (const chunk of localTar(source, 'tree')) chunks.push(chunk);
  const target = join(scratch, 'target');
  mkdirSync(target);
  extract(target, Buffer.concat(chunks), { from: 'tree', to: 'other' });
  const list = (path: string): string =>
    execFileSync('sh', ['-c', 'find . -mindepth 1 -printf "%P %y %m %s %l %n\\n" | sort; sha256sum file'], {
      cwd: path,
    }).toString();
  assert.equal(
    list(join(target, 'other')).replace(/ d (\d+) \d+/g, ' d $1'),
    list(source).replace(/ d (\d+) \d+/g, ' d $1'),
  );
  const times = execFileSync('stat', ['-c', '%Y', 'file', 'link', 'sub'], { cwd: join(target, 'other') });
  assert.equal(times.toString(), '1000000000\n'.repeat(3));
});

test('nothing is written outside of the directory', () => {
  const outside = join(scratch, 'outside');
  mkdirSync(outside);
  const refuse = (tar: Buffer, pattern: RegExp) => {
    const directory = mkdtempSync(join(scratch, 'into-'));
    assert.throws(
      () => extract(directory, tar),
      (error) => isEngineError(error, 'invalid-argument') && pattern.test(error.message),
    );
  };
  refuse(archiveOf(entry('../escaped', 'file')), /leads out/);
  refuse(archiveOf(entry('a/../../escaped', 'directory')), /leads out/);
  refuse(archiveOf(entry('door', 'symlink', outside), entry('door/escaped', 'file')), /is not a directory/);
  refuse(
    archiveOf(entry('door', 'symlink', '../outside'), entry('door/sub', 'directory')),
    /is not a directory/,
  );
  refuse(archiveOf(entry('hard', 'link', '../outside/file')), /leads out/);
  assert.deepEqual(execFileSync('ls', ['-A', outside]).toString(), '');
  assert.ok(!existsSync(join(scratch, 'escaped')));
});

test('a link that is there is replaced, not followed', () => {
  const directory = mkdtempSync(join(scratch, 'replace-'));
  writeFileSync(join(scratch, 'kept'), 'kept');
  symlinkSync(join(scratch, 'kept'), join(directory, 'file'));
  extract(directory, archiveOf(entry('/file', 'file')));
  assert.equal(readFileSync(join(scratch, 'kept'), 'utf8'), 'kept');
  assert.equal(readFileSync(join(directory, 'file'), 'utf8'), '');
});

test('directories and other things do not take each other’s places', () => {
  const directory = mkdtempSync(join(scratch, 'places-'));
  mkdirSync(join(directory, 'dir'));
  writeFileSync(join(directory, 'file'), '');
  assert.throws(() => extract(directory, archiveOf(entry('dir', 'file'))), /cannot overwrite directory/);
  assert.throws(
    () => extract(directory, archiveOf(entry('file', 'directory'))),
    /cannot overwrite non-directory/,
  );
});
