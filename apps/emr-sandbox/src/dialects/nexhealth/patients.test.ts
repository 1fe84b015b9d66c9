import { expect, test } from 'vitest';
import { PHI_MARKS } from '../../patients/person.ts';
import { practiceOf } from '../../testing/walk.ts';
import { nexhealthForTest, PLACE } from './nexhealth.fixture.ts';

async function practice(options: Parameters<typeof nexhealthForTest>[0] = {}) {
  const nexhealth = await nexhealthForTest(options);
  const list = async (query: string) => (await nexhealth.get(`/patients?${PLACE}&${query}`)).json();
  const ids = async (query: string) => (await list(query)).data.map(({ id }: { id: number }) => id);
  return { ...nexhealth, list, ids, ...practiceOf(nexhealth.app) };
}

test('a patient is found by foreign_id; two may have it', async () => {
  const { ids, add } = await practice({ patients: 10 });
  expect(await ids('foreign_id=MRN-12346')).toEqual([2]);
  expect(await ids('foreign_id=MADE-000004')).toEqual([1_000_004]);
  for (const none of ['MRN-1234', 'mrn-12346']) expect(await ids(`foreign_id=${none}`)).toEqual([]);
  await add({ mrn: 'MRN-12346' });
  expect(await ids('foreign_id=MRN-12346')).toEqual([2, 6]);
});

test('the list has five in a page unless asked, at most 1000, and end_cursor leads to its end', async () => {
  const { list, ids, get } = await practice({ patients: 2100 });
  expect(await ids('')).toEqual([1, 2, 3, 4, 5]);
  for (const order of ['id', 'updated_at']) {
    const seen = new Set<number>();
    for (let cursor = ''; ; ) {
      const { data, page_info } = await list(`sort=${order}&per_page=1000&end_cursor=${cursor}`);
      for (const { id } of data) seen.add(id);
      if (!page_info.has_next_page) break;
      cursor = page_info.end_cursor;
    }
    expect(seen.size).toBe(2105);
  }
  expect((await get(`/patients?${PLACE}&per_page=1001`)).statusCode).toBe(400);
});

test('changes since a time are listed, those that left the practice among them', async () => {
  const { list, ids, change, remove, merge } = await practice({ patients: 100 });
  const { updated_at } = (await change('made-50', { family: 'Renamed' })).json();
  await remove('pat-1001');
  await merge('pat-1002', 'pat-1003');
  const since = `updated_since=${encodeURIComponent(updated_at)}`;
  const changed = await ids(`${since}&sort=updated_at`);
  // A merge changes both records in one millisecond.
  expect([changed.slice(0, 2), changed.slice(2).toSorted()]).toEqual([
    [1_000_050, 1],
    [2, 3],
  ]);
  expect(await ids(`${since}&inactive=true`)).toEqual([1, 2]);
  expect(await ids(`${since}&inactive=false`)).toEqual([3, 1_000_050]);
  const text = JSON.stringify(await list('per_page=1'));
  for (const mark of PHI_MARKS.filter((each) => each !== '07/15/1931')) expect(text).toContain(mark);
});

test('a patient is read by id; an unknown filter is ignored and named', async () => {
  const { get, list } = await practice();
  expect((await get('/patients/2?subdomain=demo-practice')).json().data).toMatchObject({
    foreign_id: 'MRN-12346',
  });
  expect((await get('/patients/99?subdomain=demo-practice')).statusCode).toBe(404);
  expect((await get('/patients/2?subdomain=other')).statusCode).toBe(403);
  const { data, error } = await list('mrn=MRN-12346');
  expect([data.length, error]).toEqual([5, ['Unknown parameter: mrn']]);
  for (const wrong of [
    'updated_since=monday',
    'inactive=maybe',
    'sort=name',
    'end_cursor=x',
    'date_of_birth=1931',
  ])
    expect((await get(`/patients?${PLACE}&${wrong}`)).statusCode, wrong).toBe(400);
});
