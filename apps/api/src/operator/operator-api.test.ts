import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CREATE_PAYMENT_EXAMPLE } from '@emr-payments/contracts';
import { createAcceptor, findClient, findUserByToken } from '@emr-payments/db';
import { hashSecret } from '@emr-payments/runtime';
import { startSandbox } from '@emr-payments/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { putInto } from '../testing/user-requests.ts';
import { openTestOperatorApi, type TestOperatorApi } from './testing/operator-api.ts';

let api: TestOperatorApi;
let sandbox: Awaited<ReturnType<typeof startSandbox>>;
let practice: Awaited<ReturnType<TestOperatorApi['newPractice']>>;
const ledgerFile = join(tmpdir(), `operator-${randomUUID()}.jsonl`);

beforeAll(async () => {
  [api, sandbox] = await Promise.all([openTestOperatorApi(), startSandbox({ ledgerFile })]);
  practice = await api.newPractice();
});
afterAll(async () => {
  await sandbox.stop();
  rmSync(ledgerFile, { force: true });
  await api.close();
});

const own = () => `operator:${api.keyId}`;
async function payment(status: 'failed' | 'needs_review'): Promise<string> {
  const acceptor = createAcceptor({ database: api.database });
  const accepted = await acceptor.accept(practice.input());
  if (accepted.outcome !== 'accepted') throw new Error(accepted.outcome);
  await putInto(api, { paymentId: accepted.paymentId, status });
  return accepted.paymentId;
}

describe('clients', () => {
  test('are made with a secret that is shown once, listed without it, rotated, disabled and enabled', async () => {
    const sandboxed = await api.ask('POST', '/clients', { body: { name: 'Sandboxed', mode: 'test' } });
    expect(sandboxed.json().data).toMatchObject({
      mode: 'test',
      client_id: expect.stringMatching(/^ci_test_/),
    });
    const made = await api.ask('POST', '/clients', { body: { name: 'Front Desk Software' } });
    expect(made.statusCode).toBe(200);
    const { client_id, client_secret } = made.json().data;
    const valid = async () => (await findClient(api, { clientId: client_id }))?.secretHashes.length ?? 0;
    expect(await valid()).toBe(1);

    const shown = await api.ask('GET', `/clients/${client_id}`);
    expect(shown.json().data).toMatchObject({
      client_id,
      name: 'Front Desk Software',
      mode: 'live',
      valid_secrets: 1,
    });
    const listed = await api.ask('GET', '/clients?limit=1');
    expect(listed.json().data[0].client_id).toBe(client_id);
    expect(listed.body + shown.body).not.toContain(client_secret);

    const rotated = await api.ask('POST', `/clients/${client_id}/rotate-secret`, {
      body: { overlap_seconds: 60 },
    });
    expect(rotated.json().data.client_secret).not.toBe(client_secret);
    expect(await valid()).toBe(2);

    expect((await api.ask('POST', `/clients/${client_id}/disable`)).json().data.enabled).toBe(false);
    expect(await valid()).toBe(0);
    const again = await api.ask('POST', `/clients/${client_id}/disable`);
    expect([again.statusCode, again.json().code, again.json().message]).toEqual([
      409,
      'state_refused',
      'The client is already disabled.',
    ]);
    expect((await api.ask('POST', `/clients/${client_id}/rotate-secret`)).statusCode).toBe(409);
    expect((await api.ask('POST', `/clients/${client_id}/enable`)).json().data.enabled).toBe(true);
    expect(await valid()).toBe(2);
    for (const path of ['', '/disable', '/enable', '/rotate-secret', '/webhooks']) {
      const method = path === '' || path === '/webhooks' ? 'GET' : 'POST';
      const unknown = await api.ask(method, `/clients/ci_nobody${path}`);
      expect([path, unknown.statusCode, unknown.json().message]).toEqual([
        path,
        404,
        'There is no such client.',
      ]);
    }
  });

  test('come in pages, each once, also when others are made meanwhile', async () => {
    for (let n = 0; n < 3; n += 1) await api.ask('POST', '/clients', { body: { name: `Client ${n}` } });
    const all = await api.ask('GET', '/clients?limit=100');
    const seen: string[] = [];
    let cursor = '';
    do {
      const page = (await api.ask('GET', `/clients?limit=2${cursor}`)).json();
      seen.push(...page.data.map(({ client_id }: { client_id: string }) => client_id));
      cursor = page.next_cursor === null ? '' : `&cursor=${page.next_cursor}`;
      await api.ask('POST', '/clients', { body: { name: 'Meanwhile' } });
    } while (cursor !== '');
    expect(seen).toEqual(all.json().data.map(({ client_id }: { client_id: string }) => client_id));
    expect(new Set(seen).size).toBe(seen.length);
  });
});

describe('an Idempotency-Key', () => {
  test('gives the first answer again, its secret too, and makes one client', async () => {
    const before = await api.database.prisma.client.count();
    const ask = () => api.ask('POST', '/clients', { body: { name: 'Once' }, key: 'k-once' });
    const first = await ask();
    const second = await ask();
    expect(second.headers['idempotent-replayed']).toBe('true');
    expect(second.json()).toEqual(first.json());
    expect(await api.database.prisma.client.count()).toBe(before + 1);
    const other = await api.ask('POST', '/clients', { body: { name: 'Other' }, key: 'k-once' });
    expect([other.statusCode, other.json().code]).toEqual([422, 'idempotency_key_reused']);
    const { secret } = await api.newKey(['clients:write']);
    const ofAnother = await api.ask('POST', '/clients', { body: { name: 'Other' }, key: 'k-once', secret });
    expect(ofAnother.statusCode).toBe(200);
  });

  test('is stored with a fingerprint from which a password cannot be guessed', async () => {
    const body = {
      client_id: practice.clientId,
      name: 'Annex',
      adapter: 'fhir',
      base_url: 'http://127.0.0.1:1/fhir',
      time_zone: 'UTC',
      credentials: { bearer_token: 'token-of-the-annex' },
      check: false,
    };
    expect((await api.ask('POST', '/users', { body, key: 'k-password' })).statusCode).toBe(200);
    const [row] = await api.database.prisma.idempotencyKey.findMany({ where: { key: 'k-password' } });
    const { fingerprint } = await import('../idempotency/key.ts');
    const guess = fingerprint({ method: 'POST', url: '/operator/v1/users', body });
    expect(Buffer.from(row?.fingerprint ?? []).equals(guess)).toBe(false);
    expect(row?.response).not.toContain('token-of-the-annex');
  });
});

describe('users', () => {
  const openDental = () => ({
    adapter: 'open-dental',
    base_url: `${sandbox.baseUrl}/open-dental/api/v1`,
    time_zone: 'America/New_York',
    credentials: { developer_key: 'developer', customer_key: 'customer' },
  });

  test('are connected after a trial, shown without credentials, checked, changed, given tokens and disabled', async () => {
    const body = { client_id: practice.clientId, name: 'Elm Street Dental', ...openDental() };
    const made = await api.ask('POST', '/users', { body, key: 'k-connect' });
    expect(made.statusCode, made.body).toBe(200);
    const { user_id, access_token } = made.json().data;
    const { clientPk } = practice;
    const tokenHash = hashSecret(access_token);
    expect(await findUserByToken(api, { clientPk, tokenHash })).toMatchObject({ publicId: user_id });

    // The EMR is gone: the answer that is given again needs none.
    const replayed = await api.ask('POST', '/users', { body, key: 'k-connect' });
    expect(replayed.json()).toEqual(made.json());

    const shown = await api.ask('GET', `/users/${user_id}/connection`);
    expect(shown.json().data).toMatchObject({ adapter: 'open-dental', login: 'static', concurrency: 4 });
    const user = await api.ask('GET', `/users/${user_id}`);
    expect(user.json().data).toMatchObject({ user_id, client_id: practice.clientId, valid_tokens: 1 });
    const listed = await api.ask('GET', `/users?client_id=${practice.clientId}`);
    expect(listed.json().data[0].user_id).toBe(user_id);
    for (const { body: text } of [shown, user, listed]) {
      expect(text).not.toContain(access_token);
      expect(text).not.toMatch(/developer"|customer"/);
    }

    const checked = await api.ask('POST', `/users/${user_id}/connection/check`);
    expect(checked.json().data).toMatchObject({ works: true, reason: null });

    const changed = await api.ask('PUT', `/users/${user_id}/connection`, {
      body: { ...openDental(), concurrency: 2 },
    });
    expect(changed.statusCode, changed.body).toBe(200);
    const after = await api.ask('GET', `/users/${user_id}/connection`);
    expect(after.json().data.concurrency).toBe(2);

    const rotated = await api.ask('POST', `/users/${user_id}/rotate-token`, { body: { overlap_seconds: 0 } });
    expect(await findUserByToken(api, { clientPk, tokenHash })).toBeNull();
    const fresh = hashSecret(rotated.json().data.access_token);
    expect(await findUserByToken(api, { clientPk, tokenHash: fresh })).toMatchObject({ publicId: user_id });

    const noNotices = await api.ask('POST', `/users/${user_id}/notice-address`);
    expect(noNotices.json()).toMatchObject({ code: 'state_refused' });
    expect((await api.ask('POST', `/users/${user_id}/disable`)).json().data.enabled).toBe(false);
    expect(await findUserByToken(api, { clientPk, tokenHash: fresh })).toBeNull();
    expect((await api.ask('POST', `/users/${user_id}/disable`)).statusCode).toBe(409);
    const entries = (await api.audited()).filter(({ subject }) => subject === `user:${user_id}`);
    expect(entries.map(({ actor }) => actor)).toEqual(entries.map(own));
    expect(entries.map(({ action }) => action)).toEqual([
      'user.connect',
      'user.connect',
      'user.rotate_token',
      'user.disable',
    ]);
  });

  test.each<[string, object, number, string, string | RegExp]>([
    [
      'an EMR that does not answer',
      { base_url: 'http://127.0.0.1:1/' },
      422,
      'connection_refused',
      /nothing was saved/,
    ],
    [
      'a credential that is missing',
      { credentials: {} },
      422,
      'connection_refused',
      /nothing was saved: .*developer_key/,
    ],
    ['an unknown client', { client_id: 'ci_nobody' }, 404, 'record_not_found', 'There is no such client.'],
    ['an unknown adapter', { adapter: 'nothing' }, 400, 'invalid_field', /field: adapter/],
    ['an unknown time zone', { time_zone: 'Mars/Olympus' }, 400, 'invalid_field', /field: time_zone/],
    ['no address', { base_url: 'nowhere' }, 400, 'invalid_field', /field: base_url/],
    [
      'plain http on another machine',
      { base_url: 'http://emr.example.com/' },
      400,
      'invalid_field',
      /allow_plain_http/,
    ],
    ['a setting that is no text', { settings: { page: 1 } }, 400, 'invalid_field', /field: settings/],
    ['an unknown field', { nonsense: 1 }, 400, 'invalid_field', /nonsense/],
  ])('are not made with %s', async (_what, wrong, status, code, message) => {
    const before = await api.database.prisma.user.count();
    const body = { client_id: practice.clientId, name: 'Elm Street', ...openDental(), ...wrong };
    const answer = await api.ask('POST', '/users', { body, key: randomUUID() });
    expect([answer.statusCode, answer.json().code], answer.body).toEqual([status, code]);
    expect(answer.json().message).toMatch(message);
    expect(await api.database.prisma.user.count()).toBe(before);
  });
});

test('a broken connection is seen in the list and at the user, with what waits for it', async () => {
  const { publicId, userId, clientId } = await api.newPractice();
  const seen = async () => {
    const [listed] = (await api.ask('GET', `/users?client_id=${clientId}`)).json().data;
    const shown = (await api.ask('GET', `/users/${publicId}/connection`)).json().data;
    return [listed.connection_state, shown.health.state, shown.health.last_trouble, shown.waiting];
  };
  expect(await seen()).toEqual(['connected', 'connected', null, 0]);
  await api.database.pool.query(
    `INSERT INTO connection_states (user_id, state, last_trouble_code, last_trouble_detail, last_trouble_at)
     VALUES ($1, 'login_required', 'unauthorized', 'The EMR rejects the credentials.', '2026-01-01T00:00:00Z')`,
    [userId],
  );
  const trouble = {
    code: 'unauthorized',
    message: 'The EMR rejects the credentials.',
    at: '2026-01-01T00:00:00.000Z',
  };
  expect(await seen()).toEqual(['login_required', 'login_required', trouble, 0]);
});

test('addresses for notices that several keys want at once do not wait for each other', async () => {
  const users = await Promise.all(Array.from({ length: 6 }, () => api.newPractice()));
  await api.database.pool.query(`UPDATE connections SET adapter = 'nexhealth' WHERE user_id = ANY($1)`, [
    users.map(({ userId }) => userId),
  ]);
  const keys = [await api.newKey(), await api.newKey()];
  const answers = await Promise.all(
    users.map(({ publicId }, n) =>
      api.ask('POST', `/users/${publicId}/notice-address`, { secret: keys[n % 2]?.secret ?? '' }),
    ),
  );
  expect(answers.map(({ statusCode }) => statusCode)).toEqual(users.map(() => 200));
  expect(new Set(answers.map((answer) => answer.json().data.path)).size).toBe(users.length);
});

describe('holds', () => {
  test('stop posting of one user, say what is in flight, and end', async () => {
    const { publicId } = practice;
    const started = await api.ask('POST', '/holds', { body: { user_id: publicId, reason: 'EMR is moved' } });
    expect(started.json().data).toEqual({ scope: publicId, already: false });
    const listed = await api.ask('GET', `/holds?user_id=${publicId}`);
    expect(listed.json().data).toMatchObject([
      { scope: publicId, started_by: own(), reason: 'EMR is moved' },
    ]);
    const inFlight = await api.ask('GET', `/holds/${publicId}/in-flight`);
    expect(inFlight.json().data).toMatchObject({ quiet: true, payment_ids: [] });
    expect((await api.ask('GET', '/holds/all/in-flight')).statusCode).toBe(404);
    expect((await api.ask('POST', `/holds/${publicId}/end`)).json().data).toEqual({
      scope: publicId,
      other_holds: [],
    });
    expect((await api.ask('POST', `/holds/${publicId}/end`)).statusCode).toBe(404);
    expect((await api.ask('POST', '/holds', { body: { user_id: 'user_nobody' } })).statusCode).toBe(404);
  });

  test('end however many payments wait: they are not counted', async () => {
    const { publicId } = practice;
    await api.ask('POST', '/holds');
    await api.ask('POST', '/holds', { body: { user_id: publicId } });
    const other = await api.owner.pool.connect();
    try {
      // No payment can be counted meanwhile.
      await other.query('BEGIN');
      await other.query('LOCK jobs IN ACCESS EXCLUSIVE MODE');
      const ended = await api.ask('POST', `/holds/${publicId}/end`);
      expect([ended.statusCode, ended.json().data]).toEqual([200, { scope: publicId, other_holds: ['all'] }]);
      const listed = await api.ask('GET', '/holds');
      expect([listed.statusCode, listed.json().code]).toEqual([422, 'read_too_costly']);
    } finally {
      await other.query('ROLLBACK');
      other.release();
    }
    expect((await api.ask('POST', '/holds/all/end')).statusCode).toBe(200);
  });

  test('stop posting of all', async () => {
    expect((await api.ask('POST', '/holds')).json().data).toEqual({ scope: 'all', already: false });
    expect((await api.ask('POST', '/holds')).json().data).toEqual({ scope: 'all', already: true });
    expect((await api.ask('POST', '/holds/all/end')).statusCode).toBe(200);
  });
});

describe('the worklist', () => {
  test('lists of an owner that does not exist are refused', async () => {
    for (const path of [
      '/worklist?client_id=ci_nobody',
      '/worklist?user_id=user_nobody',
      '/users?client_id=ci_nobody',
      '/audit?user_id=user_nobody',
      '/holds?user_id=user_nobody',
    ]) {
      const unknown = await api.ask('GET', path);
      expect([unknown.statusCode, unknown.json().code], path).toEqual([404, 'record_not_found']);
    }
  });

  test('shows payments of all users that wait for a person, newest first and in pages; each reading has an entry', async () => {
    const ids = [await payment('needs_review'), await payment('needs_review'), await payment('failed')];
    await api.audited();
    const review = await api.ask('GET', '/worklist');
    const shown = (answer: typeof review) =>
      answer.json().data.map(({ payment_id }: { payment_id: string }) => payment_id);
    expect(shown(review)).toEqual([ids[1], ids[0]]);
    expect(review.json().data[0]).toMatchObject({ client_id: practice.clientId, user_id: practice.publicId });
    const both = await api.ask('GET', '/worklist?status=failed&status=needs_review&limit=2');
    expect(shown(both)).toEqual([ids[2], ids[1]]);
    const next = await api.ask(
      'GET',
      `/worklist?status=failed&status=needs_review&limit=2&cursor=${both.json().next_cursor}`,
    );
    expect([shown(next), next.json().has_more]).toEqual([[ids[0]], false]);
    expect(shown(await api.ask('GET', `/worklist?client_id=${practice.clientId}&status=failed`))).toEqual([
      ids[2],
    ]);
    expect(shown(await api.ask('GET', `/worklist?user_id=${practice.publicId}`))).toEqual([ids[1], ids[0]]);
    const one = await api.ask('GET', `/payments/${ids[0]}`);
    expect(one.json().data).toMatchObject({ payment_id: ids[0], patient_mrn: 'MRN-1' });
    expect((await api.ask('GET', `/payments/${'0'.repeat(32)}`)).statusCode).toBe(404);
    expect((await api.audited()).map(({ actor, action, subject }) => [actor, action, subject])).toEqual([
      ...Array.from({ length: 4 }, () => [own(), 'payment.list', 'worklist:all']),
      [own(), 'payment.list', `user:${practice.publicId}`],
      [own(), 'payment.read', `payment:${ids[0]}`],
    ]);
  });

  test('is worked off: resolved and retried', async () => {
    const [doubted, failed] = [await payment('needs_review'), await payment('failed')];
    const body = { outcome: 'posted', emr_transaction_id: '13969262', note: 'On the day sheet' };
    const resolved = await api.ask('POST', `/payments/${doubted}/resolve`, { body });
    expect(resolved.json().data).toMatchObject({ payment_id: doubted, status: 'posted' });
    const again = await api.ask('POST', `/payments/${doubted}/resolve`, { body });
    expect([again.statusCode, again.json().code]).toEqual([409, 'invalid_state']);
    const retried = await api.ask('POST', `/payments/${failed}/retry`, { body: { payment_method: 'Check' } });
    expect(retried.json().data.payment_id).toBe(failed);
    const wrong = { outcome: 'not_posted', emr_transaction_id: '1', note: 'x' };
    const refused = await api.ask('POST', `/payments/${failed}/resolve`, { body: wrong });
    expect([refused.statusCode, refused.json().message]).toEqual([
      400,
      expect.stringContaining('emr_transaction_id'),
    ]);
  });

  test('a reading that cannot be recorded shows nothing', async () => {
    const id = await payment('needs_review');
    await api.owner.pool.query('ALTER TABLE audit_log RENAME TO audit_log_away');
    const answers = [await api.ask('GET', '/worklist'), await api.ask('GET', `/payments/${id}`)];
    await api.owner.pool.query('ALTER TABLE audit_log_away RENAME TO audit_log');
    for (const answer of answers) {
      expect(answer.statusCode).toBe(503);
      expect(answer.body).not.toContain('MRN-1');
    }
  });
});

test('webhook endpoints of a client are listed, disabled and enabled', async () => {
  const { clientId, endpointId } = practice;
  const listed = await api.ask('GET', `/clients/${clientId}/webhooks`);
  expect(listed.json().data).toMatchObject([{ id: endpointId, enabled: true }]);
  expect(listed.body).not.toContain('whsec_');
  expect((await api.ask('POST', `/webhooks/${endpointId}/disable`)).json().data.enabled).toBe(false);
  expect((await api.ask('POST', `/webhooks/${endpointId}/disable`)).statusCode).toBe(409);
  expect((await api.ask('POST', `/webhooks/${endpointId}/enable`)).json().data.enabled).toBe(true);
  expect((await api.ask('POST', '/webhooks/we_nothing/enable')).statusCode).toBe(404);
});

test('the audit log is filtered and comes in pages', async () => {
  const first = await api.ask('GET', `/audit?actor=${own()}&limit=3`);
  expect(first.json().data).toHaveLength(3);
  expect(first.json().data.every(({ actor }: { actor: string }) => actor === own())).toBe(true);
  const second = await api.ask('GET', `/audit?actor=${own()}&limit=3&cursor=${first.json().next_cursor}`);
  const ids = [...first.json().data, ...second.json().data].map(({ id }: { id: number }) => id);
  expect(ids).toEqual([...ids].sort((a, b) => b - a));
  const by = await api.ask('GET', '/audit?action=client.create&outcome=done&since=2026-01-01T00:00:00Z');
  expect(by.json().data.every(({ action }: { action: string }) => action === 'client.create')).toBe(true);
  expect((await api.ask('GET', '/audit?cursor=nonsense')).statusCode).toBe(400);
});

test('a reading of the audit log that takes too long is refused, and not as one to be repeated', async () => {
  const other = await api.owner.pool.connect();
  try {
    await other.query('BEGIN');
    await other.query('LOCK audit_log IN ACCESS EXCLUSIVE MODE');
    const answer = await api.ask('GET', '/audit?action=nothing.ever');
    expect([answer.statusCode, answer.json().code]).toEqual([422, 'read_too_costly']);
  } finally {
    await other.query('ROLLBACK');
    other.release();
  }
});

test('the checks of the whole service are those of doctor', async () => {
  const answer = await api.ask('GET', '/status');
  expect(answer.statusCode, answer.body).toBe(200);
  const checks = answer.json().data.checks.map(({ check }: { check: string }) => check);
  expect(checks).toEqual(expect.arrayContaining(['database', 'migrations', 'queue', 'keys', 'holds']));
});

test('a body of the integrators is none of ours', async () => {
  const answer = await api.ask('POST', '/clients', { body: CREATE_PAYMENT_EXAMPLE });
  expect(answer.statusCode).toBe(400);
});
