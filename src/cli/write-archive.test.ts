/** Archives are whole or not there, and nothing but a file is ever replaced. */
import assert from 'node:assert/strict';
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { HttpResponse } from '../client/http-exchange.ts';
import type { Io, Output } from './io.ts';
import { writeArchive } from './write-archive.ts';

const folder = mkdtempSync(join(tmpdir(), 'gantry-archive-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const sent: string[] = [];
const output = (isTerminal: boolean): Output => ({
  isTerminal,
  columns: () => 80,
  write: () => undefined,
  send: async (data) => void sent.push(Buffer.from(data).toString()),
});
const io = (isTerminal: boolean) => ({ stdout: output(isTerminal) }) as Io;

let opened = 0;
function answer(...chunks: Array<string | Error>): () => Promise<HttpResponse> {
  return async () => {
    opened += 1;
    const body = async function* () {
      for (const chunk of chunks) {
        if (chunk instanceof Error) throw chunk;
        yield Buffer.from(chunk);
      }
    };
    return { body: body() } as HttpResponse;
  };
}

test('into a file, for the owner alone; an old one is replaced', async () => {
  const path = join(folder, 'a.tar');
  writeFileSync(path, 'old');
  await writeArchive(io(true), path, 'failed', answer('one', 'two'));
  assert.equal(readFileSync(path, 'utf8'), 'onetwo');
  assert.equal(statSync(path).mode & 0o777, 0o600);
});

test('a stream that breaks leaves what was there', async () => {
  const path = join(folder, 'b.tar');
  writeFileSync(path, 'old');
  const before = readdirSync(folder);
  await assert.rejects(writeArchive(io(true), path, 'failed', answer('one', new Error('broken'))), /broken/);
  assert.equal(readFileSync(path, 'utf8'), 'old');
  assert.deepEqual(readdirSync(folder), before);
});

test('to stdout, unless that is a terminal', async () => {
  await writeArchive(io(false), '', 'failed', answer('one', 'two'));
  assert.equal(sent.join(''), 'onetwo');
  await assert.rejects(writeArchive(io(true), '', 'failed', answer()), { message: /^cowardly refusing/ });
});

test('devices, links, folders and missing folders are refused before anything is asked', async () => {
  symlinkSync(join(folder, 'a.tar'), join(folder, 'link'));
  opened = 0;
  const cases: ReadonlyArray<readonly [path: string, why: RegExp]> = [
    ['/dev/null', /^failed: cannot write to a character device file$/],
    [join(folder, 'link'), /^failed: cannot write to a symbolic link directly$/],
    [folder, /^failed: cannot write to a directory$/],
    ['/nonexistent/x', /^failed: invalid output path: stat \/nonexistent: no such file or directory$/],
    [join(folder, 'a.tar', 'x'), /^failed: invalid output path: /],
  ];
  for (const [path, message] of cases)
    await assert.rejects(writeArchive(io(true), path, 'failed', answer('x')), { message }, path);
  assert.equal(opened, 0);
  assert.ok(statSync('/dev/null').isCharacterDevice());
});
