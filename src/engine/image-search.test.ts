/** Filters and limits of searches. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ImageService, SearchResult } from '../images/image-types.ts';
import { searchImages } from './image-search.ts';

const found: SearchResult[] = [
  { name: 'official', description: '', starCount: 10, isOfficial: true, isAutomated: false },
  { name: 'robot', description: '', starCount: 3, isOfficial: false, isAutomated: true },
];

async function search(
  filters: Record<string, string[]>,
  limit = 0,
): Promise<{ names: string[]; asked: number[] }> {
  const asked: number[] = [];
  const images: Pick<ImageService, 'search'> = {
    search: (_, wanted) => {
      asked.push(wanted);
      return Promise.resolve(found);
    },
  };
  const request = { term: 'x', limit, filters: new Map(Object.entries(filters)) };
  const results = await searchImages({ images: images as ImageService }, request);
  return { names: results.map(({ name }) => name), asked };
}

test('filters', async () => {
  assert.deepEqual((await search({})).names, ['official', 'robot']);
  assert.deepEqual((await search({ 'is-official': ['true'] })).names, ['official']);
  assert.deepEqual((await search({ 'is-official': ['0'] })).names, ['robot']);
  assert.deepEqual((await search({ 'is-automated': ['1'] })).names, ['robot']);
  assert.deepEqual((await search({ stars: ['4'] })).names, ['official']);
  for (const bad of [{ color: ['red'] }, { stars: ['many'] }, { 'is-official': ['maybe'] }])
    await assert.rejects(search(bad), { code: 'invalid-argument', message: /^invalid filter '/ });
});

test('limits: 25 unless told, 100 at most', async () => {
  assert.deepEqual((await search({})).asked, [25]);
  assert.deepEqual((await search({}, 100)).asked, [100]);
  for (const limit of [-1, 101])
    await assert.rejects(search({}, limit), { message: `limit ${limit} is outside the range of [1, 100]` });
});
