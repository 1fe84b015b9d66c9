import { expect, test } from 'vitest';
import { PHI_MARKS } from '../../patients/person.ts';
import { sandboxForTest } from '../../testing/sandbox.ts';
import { practiceOf, readerFor } from '../../testing/walk.ts';
import { drchrono } from './dialect.ts';

type Page = { results: { id: number; chart_id: string; updated_at: string }[]; next: string | null };

async function practice(options: Parameters<typeof sandboxForTest>[0] = {}) {
  const { app } = await sandboxForTest({ dialects: [drchrono], token: 'first', ...options });
  const answer = await app.inject({
    method: 'POST',
    url: '/drchrono/o/token/',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: 'grant_type=refresh_token&client_id=a&client_secret=b&refresh_token=first',
  });
  const headers = { authorization: `Bearer ${answer.json().access_token}` };
  const read = readerFor(app, headers);
  const list = (query: string) => read<Page>(`/drchrono/api/patients?${query}`);
  const ids = async (query: string) => (await list(query)).results.map(({ id }) => id);
  const status = async (path: string) =>
    (await app.inject({ url: `/drchrono/api/${path}`, headers })).statusCode;
  return { app, read, list, ids, status, ...practiceOf(app) };
}

test('a patient is found by the whole chart id; two may have it', async () => {
  const { ids, add, change } = await practice({ patients: 10 });
  expect(await ids('chart_id=MRN-12346')).toEqual([2]);
  expect(await ids('chart_id=MADE-000004')).toEqual([1_000_004]);
  for (const none of ['MRN-1234', 'mrn-12346', '']) expect(await ids(`chart_id=${none}`)).toEqual([]);
  await add({ mrn: 'MRN-12346' });
  expect(await ids('chart_id=MRN-12346')).toEqual([2, 6]);
  expect(await ids('chart_id=MRN-12346&page_size=1')).toEqual([2]);
  // The vendor makes a chart id where nobody gave one.
  await change('pat-1005', { mrn: null });
  expect(await ids('chart_id=pat-1005')).toEqual([5]);
});

test('the list is read by cursor to its end, at most 250 at once, and by the time of a change', async () => {
  const { list, ids, change } = await practice({ patients: 600 });
  const seen: number[] = [];
  for (let next: string | null = '?page_size=1000'; next !== null; ) {
    const page: Page = await list(next.split('?')[1] as string);
    expect(page.results.length).toBeLessThanOrEqual(250);
    seen.push(...page.results.map(({ id }) => id));
    next = page.next;
  }
  expect([seen.length, new Set(seen).size]).toEqual([605, 605]);
  expect(await ids('since=2026-02-01T00:00:00')).toEqual([]);
  const { updated_at } = (await change('made-300', { family: 'Renamed' })).json();
  expect(await ids(`since=${updated_at.slice(0, 19)}`)).toEqual([1_000_300]);
});

test('a deleted or merged patient is not found, an inactive one is', async () => {
  const { read, list, ids, status, remove, merge, change } = await practice();
  await remove('pat-1001');
  await merge('pat-1002', 'pat-1003');
  await change('pat-1004', { status: 'inactive' });
  expect(await ids('')).toEqual([3, 4, 5]);
  expect([await status('patients/1'), await status('patients/2')]).toEqual([404, 404]);
  expect(await read('/drchrono/api/patients/4')).toMatchObject({ patient_status: 'I' });
  const text = JSON.stringify(await list(''));
  for (const mark of PHI_MARKS.filter((each) => each !== '07/15/1931')) expect(text).toContain(mark);
});

test('a filter that the vendor does not have is ignored; a bad time or cursor is not', async () => {
  const { ids, status } = await practice();
  expect(await ids('mrn=MRN-12345')).toHaveLength(5);
  expect(await ids('last_name=Sample')).toEqual([2]);
  expect([await status('patients?since=monday'), await status('patients?cursor=x')]).toEqual([400, 404]);
});
