import { expect, test } from 'vitest';
import { PHI_MARKS } from '../../patients/person.ts';
import { sandboxForTest } from '../../testing/sandbox.ts';
import { practiceOf, readerFor } from '../../testing/walk.ts';
import { athena } from './dialect.ts';

type Row = { patientid: string; status: string; previouspatientids?: string[] };

async function practice(options: Parameters<typeof sandboxForTest>[0] = {}) {
  const { app } = await sandboxForTest({ dialects: [athena], token: 's3cret', ...options });
  const answer = await app.inject({
    method: 'POST',
    url: '/athena/oauth2/v1/token',
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      authorization: `Basic ${Buffer.from('a:s3cret').toString('base64')}`,
    },
    body: 'grant_type=client_credentials&scope=athena/service/Athenanet.MDP.*',
  });
  const headers = { authorization: `Bearer ${answer.json().access_token}` };
  const one = async (path: string) =>
    (await readerFor(app, headers)<Row[]>(`/athena/v1/195900/patients/${path}`))[0];
  const ask = (path: string) => app.inject({ url: `/athena/v1/195900/${path}`, headers });
  return { one, ask, ...practiceOf(app) };
}

test('a patient is read by id, as a list of one', async () => {
  const { one, ask } = await practice({ patients: 5 });
  expect(await one('2')).toMatchObject({
    patientid: '2',
    firstname: 'Blaise',
    dob: '07/15/1931',
    status: 'active',
  });
  expect(await one('1000003')).toMatchObject({ patientid: '1000003' });
  const unknown = await ask('patients/99');
  expect([unknown.statusCode, unknown.json()]).toEqual([
    404,
    { error: 'The patient does not exist.', detailedmessage: 'patientid' },
  ]);
  const text = JSON.stringify(await one('1'));
  for (const mark of PHI_MARKS.filter((each) => !['1931-07-15', '900-55-0199'].includes(each)))
    expect(text).toContain(mark);
});

test('a merged chart is not found, and the one that stays names it when asked', async () => {
  const { one, ask, merge, remove } = await practice();
  await merge('pat-1001', 'pat-1002');
  expect((await ask('patients/1')).statusCode).toBe(404);
  expect((await one('2'))?.previouspatientids).toBeUndefined();
  expect((await one('2?showpreviouspatientids=true'))?.previouspatientids).toEqual(['1']);
  await remove('pat-1003');
  expect((await one('3'))?.status).toBe('deleted');
});

test('a search needs a criterion, and there is no list of all', async () => {
  const { ask } = await practice({ patients: 40 });
  expect((await ask('patients')).statusCode).toBe(400);
  expect((await ask('patients?limit=10')).statusCode).toBe(400);
  const found = (await ask('patients?lastname=sample&firstname=bla')).json();
  expect([found.totalcount, found.patients[0].patientid]).toEqual([1, '2']);
  const page = (await ask('patients?dob=07/15/1931&limit=20&offset=20')).json();
  expect([page.totalcount, page.patients.length, page.next, page.previous]).toEqual([
    45,
    20,
    '/v1/195900/patients?dob=07%2F15%2F1931&limit=20&offset=40',
    '/v1/195900/patients?dob=07%2F15%2F1931&limit=20&offset=0',
  ]);
});

test('the feed of changed patients is refused without a subscription', async () => {
  const { ask } = await practice();
  expect((await ask('patients/changed')).statusCode).toBe(403);
  expect((await ask('patients/changed?leaveunprocessed=true')).statusCode).toBe(403);
});
