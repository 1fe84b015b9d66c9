import { expect, test } from 'vitest';
import { sandboxForTest } from '../../testing/sandbox.ts';
import { practiceOf, readerFor } from '../../testing/walk.ts';
import { canvas } from './dialect.ts';

type Bundle = {
  total: number;
  link: { relation: string; url: string }[];
  entry?: { resource: { id: string; active: boolean } }[];
};

async function practice(options: Parameters<typeof sandboxForTest>[0] = {}) {
  const { app } = await sandboxForTest({ dialects: [canvas], token: 's3cret', ...options });
  const answer = await app.inject({
    method: 'POST',
    url: '/canvas/auth/token/',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: 'grant_type=client_credentials&client_id=a&client_secret=s3cret',
  });
  const headers = { authorization: `Bearer ${answer.json().access_token}` };
  const read = readerFor(app, headers);
  const search = (query: string) => read<Bundle>(`/canvas/Patient?${query}`);
  const ids = async (query: string) => (await search(query)).entry?.map(({ resource }) => resource.id) ?? [];
  const status = async (path: string, method: 'GET' | 'PUT' = 'GET') =>
    (await app.inject({ method, url: `/canvas/${path}`, headers })).statusCode;
  return { app, read, search, ids, status, ...practiceOf(app) };
}

test('a patient is found by the MRN that Canvas issued, and by a saved identifier', async () => {
  const { ids } = await practice({ patients: 5 });
  for (const [query, found] of [
    ['identifier=MRN-12346', ['pat-1002']],
    ['identifier=http://canvasmedical.com|MRN-12346', ['pat-1002']],
    ['identifier=http%3A%2F%2Fcanvasmedical.com%7CMADE-000003', ['made-3']],
    ['identifier=HealthCo|MRN-12346', []],
    ['identifier=HealthCo|partner-pat-1003', ['pat-1003']],
    ['identifier=partner-made-2', ['made-2']],
    ['identifier=|MRN-12346', []],
    ['identifier=MRN-1234', []],
    ['family=sam&given=Bla', ['pat-1002']],
    ['_id=pat-1001', ['pat-1001']],
  ] satisfies [string, string[]][])
    expect(await ids(query), query).toEqual(found);
  expect(await ids('identifier=HealthCo|')).toHaveLength(10);
});

test('the list has ten in a page, at most a hundred, and links without a host', async () => {
  const { search } = await practice({ patients: 300 });
  const first = await search('active=true');
  expect([first.total, first.entry?.length]).toEqual([305, 10]);
  expect(first.link.map(({ relation, url }) => `${relation} ${url}`)).toEqual([
    'self /Patient?active=true&_count=10&_offset=0',
    'first /Patient?active=true&_count=10&_offset=0',
    'next /Patient?active=true&_count=10&_offset=10',
    'last /Patient?active=true&_count=10&_offset=300',
  ]);
  const seen = new Set<string>();
  for (let url: string | undefined = '/Patient?_sort=_id&_count=1000'; url !== undefined; ) {
    const page: Bundle = await search(url.split('?')[1] as string);
    expect(page.entry?.length).toBeLessThanOrEqual(100);
    for (const { resource } of page.entry ?? []) seen.add(resource.id);
    url = page.link.find(({ relation }) => relation === 'next')?.url;
  }
  expect(seen.size).toBe(305);
});

test('a patient that left is not active; nobody is deleted', async () => {
  const { read, ids, remove, merge, change } = await practice();
  await remove('pat-1001');
  await merge('pat-1002', 'pat-1003');
  await change('pat-1004', { status: 'deceased' });
  expect(await ids('active=false')).toEqual(['pat-1001', 'pat-1002']);
  expect(await read('/canvas/Patient/pat-1001')).toMatchObject({ active: false });
  expect(await read('/canvas/Patient/pat-1004')).toMatchObject({ active: true, deceasedBoolean: true });
  expect(await ids('')).toHaveLength(5);
});

test.each([
  '_lastUpdated=ge2026-01-01',
  '_sort=_lastUpdated',
  'active=yes',
  '_count=x',
  'identifier=a&identifier=b',
  'x=1',
])('a search with %s is refused', async (query) => {
  const { status } = await practice();
  expect(await status(`Patient?${query}`)).toBe(400);
});

test('an unknown patient is 404, and none is changed here', async () => {
  const { status } = await practice();
  expect(await status('Patient/none')).toBe(404);
  expect(await status('Patient/pat-1001', 'PUT')).toBe(405);
});
