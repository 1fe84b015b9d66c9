import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newPaymentId, paymentIdToUuid } from '@emr-payments/contracts';
import { SYSTEM, setOauthApplication } from '@emr-payments/db';
import { setLimit } from '@emr-payments/operations';
import { parseSandboxHosts } from '@emr-payments/outbound';
import { type SandboxProcess, startSandbox } from '@emr-payments/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { requestsOf } from '../testing/client-requests.ts';
import { openVisit, PAGE, PUBLIC_URL, RETURN_URL, type Visit } from '../testing/connect-visit.ts';
import { openTestApi, type TestApi } from '../testing/test-api.ts';

let api: TestApi;
let sandbox: SandboxProcess;
let caller: Awaited<ReturnType<TestApi['newCaller']>>;
let page: Awaited<ReturnType<typeof openVisit>>;
const ledgerFile = join(tmpdir(), `connect-${randomUUID()}.jsonl`);

beforeAll(async () => {
  [api, sandbox] = await Promise.all([openTestApi({ publicUrl: PUBLIC_URL }), startSandbox({ ledgerFile })]);
  page = await openVisit(api);
  caller = page.caller;
  await setApplication({});
});
afterAll(async () => {
  await sandbox.stop();
  rmSync(ledgerFile, { force: true });
  await api.close();
});

const drchrono = () => `${sandbox.baseUrl}/drchrono`;
const setApplication = (change: object) =>
  setOauthApplication(api, {
    adapter: 'drchrono',
    baseUrl: drchrono(),
    authorizeUrl: `${drchrono()}/o/authorize/`,
    tokenUrl: `${drchrono()}/o/token/`,
    clientId: 'sandbox-app',
    clientSecret: 'sandbox-app-secret',
    scopes: '',
    issuer: null,
    by: SYSTEM,
    ...change,
  });

const post: typeof page.post = (...given) => page.post(...given);
const visit = (body?: object) => page.visit(body);
const look = (at: Visit) => page.look(at);
const comeBack = (address: string, cookie: string) => page.comeBack(address, cookie);
const stored = (id: string) => page.stored(id);

/** Logs in at the sandbox's DrChrono and returns the address to which it sends the browser. */
async function logIn(at: Visit, decision = 'allow'): Promise<string> {
  const begun = await post('login', { adapter: 'drchrono', base_url: drchrono() }, at);
  const { location } = begun.json().data as { location: string };
  const form = new URLSearchParams([
    ...new URL(location).searchParams,
    ['username', 'frontdesk'],
    ['password', 'let-me-in'],
    ['decision', decision],
  ]);
  const answer = await fetch(`${drchrono()}/o/authorize/`, {
    method: 'POST',
    body: form,
    redirect: 'manual',
  });
  return answer.headers.get('location') ?? '';
}

const dental = (change: object = {}) => ({
  adapter: 'open-dental',
  way: 'credentials',
  base_url: `${sandbox.baseUrl}/open-dental/api/v1`,
  name: 'Dental Office',
  time_zone: 'America/Chicago',
  credentials: { developer_key: 'typed-developer', customer_key: 'typed-customer' },
  ...change,
});

describe('the page', () => {
  test('has a policy that permits its own files only, is in no frame, and is not stored', async () => {
    const { headers, body } = await api.app.inject('/connect');
    expect(headers['content-security-policy']).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'none'; base-uri 'none'; " +
        "frame-ancestors 'none'; require-trusted-types-for 'script'",
    );
    expect([headers['referrer-policy'], headers['cache-control'], headers['x-content-type-options']]).toEqual(
      ['no-referrer', 'no-store', 'nosniff'],
    );
    expect(body).not.toMatch(/<script>|<style|style=|onclick/);
    for (const [, file] of body.matchAll(/(?:src|href)="([^"]+)"/g))
      expect((await api.app.inject(`/${file}`)).statusCode, file).toBe(200);
  });

  test('shows titles and fields, and nothing that is secret', async () => {
    const at = await visit();
    const { choices, returnTo, clientName } = await look(at);
    expect([returnTo, clientName]).toEqual([null, expect.any(String)]);
    const titles = choices.map(({ title }: { title: string }) => title);
    expect(titles).toEqual(expect.arrayContaining(['DrChrono', 'Open Dental']));
    const login = choices.find(({ way }: { way: string }) => way === 'login');
    expect(login).toEqual({
      adapter: 'drchrono',
      title: 'DrChrono',
      way: 'login',
      baseUrl: drchrono(),
      credentials: [],
      settings: [],
    });
    expect(JSON.stringify(choices)).not.toContain('sandbox-app');
  });

  test('asks for what a person at a practice can know, and for all without which nothing works', async () => {
    const { choices } = await look(await visit());
    const asked = Object.fromEntries(
      choices.map(({ adapter, settings }: { adapter: string; settings: { name: string }[] }) => [
        adapter,
        settings.map(({ name }) => name),
      ]),
    );
    expect(asked).toMatchObject({
      'athena-ppv': ['practice_id', 'vendor_code', 'vendor_terminal_id', 'mrn_field'],
      'fhir-r4': ['patient_identifier_system'],
      nexhealth: ['subdomain', 'location_id'],
      'open-dental': ['mrn_field', 'clinics'],
    });
    expect(JSON.stringify(choices)).not.toMatch(/If-None-Exist|honours|endpoint|Authorization/);
  });

  test('without an application of the operator, nobody types what a login would give; a live client sees no sandbox', async () => {
    const at = await visit();
    await api.database.prisma.client.update({ where: { id: caller.clientPk }, data: { mode: 'live' } });
    const names = (await look(at)).choices.map(({ adapter }: { adapter: string }) => adapter);
    await api.database.prisma.client.update({ where: { id: caller.clientPk }, data: { mode: 'test' } });
    expect(names).not.toContain('drchrono');
    expect(names).toContain('open-dental');
  });
});

describe('its requests', () => {
  test.each<[string, object]>([
    ['another origin', { ...PAGE, origin: 'https://evil.example' }],
    ['no origin', { 'x-emr-connect': '1', 'content-type': 'application/json' }],
    ['a form of another site', { origin: PUBLIC_URL, 'content-type': 'application/json' }],
    ['another site, by what the browser says', { ...PAGE, 'sec-fetch-site': 'cross-site' }],
  ])('are refused from %s', async (_what, headers) => {
    const at = await visit();
    for (const name of ['open', 'login', 'connect', 'cancel'])
      expect((await post(name, {}, { ...at, headers })).statusCode, name).toBe(400);
    expect((await stored(at.id)).state).toBe('open');
  });

  test('the cookie is HttpOnly and Lax, and of https Secure for this host alone', async () => {
    const { secret } = await page.link();
    const plain = String((await post('open', { secret })).headers['set-cookie']);
    expect(plain).toMatch(/^emr-connect=cc_[\w-]{32}; Max-Age=900; Path=\/; HttpOnly; SameSite=Lax$/);
    const secure = await openTestApi({ publicUrl: 'https://pay.example.com/emr/' });
    try {
      const made = await secure.newCaller();
      await secure.database.prisma.clientReturnUrl.create({
        data: { clientPk: made.clientPk, url: RETURN_URL },
      });
      const answer = await requestsOf(secure.app, made)('POST', '/v1/connect-sessions', {
        body: { return_url: RETURN_URL },
      });
      const [address = '', fragment] = (answer.json().data.url as string).split('#');
      expect(address).toBe('https://pay.example.com/emr/connect');
      const opened = await secure.app.inject({
        method: 'POST',
        url: '/connect/api/open',
        headers: { ...PAGE, origin: 'https://pay.example.com' },
        payload: JSON.stringify({ secret: fragment }),
      });
      expect(String(opened.headers['set-cookie'])).toMatch(
        /^__Host-emr-connect=cc_[\w-]{32}; Max-Age=900; Path=\/; HttpOnly; SameSite=Lax; Secure$/,
      );
    } finally {
      await secure.close();
    }
  });

  test('without the cookie, with another one, or with two, there is no session', async () => {
    const at = await visit();
    const other = `emr-connect=cc_${'a'.repeat(32)}`;
    for (const cookie of [undefined, other, 'emr-connect=x', `${at.cookie}; ${other}`]) {
      const answer = await post('cancel', {}, cookie === undefined ? {} : { cookie });
      expect([answer.statusCode, answer.json().code]).toEqual([404, 'connect_session_not_found']);
    }
    expect((await stored(at.id)).state).toBe('open');
  });

  test('of a window whose session another link of the browser has replaced do nothing', async () => {
    const [first, second] = [await visit(), await visit()];
    const at = { id: first.id, cookie: second.cookie };
    const login = { adapter: 'drchrono', base_url: drchrono() };
    for (const [name, body] of [
      ['connect', dental()],
      ['login', login],
      ['cancel', {}],
    ] as const)
      expect((await post(name, body, at)).json().data, name).toEqual({ outcome: 'other_session' });
    expect((await post('cancel', {}, { cookie: second.cookie })).json().data).toEqual({
      outcome: 'other_session',
    });
    for (const { id } of [first, second])
      expect(await stored(id)).toMatchObject({ state: 'open', tries: 0, held: null });
  });

  test('a session ends with its time, its client and its user', async () => {
    const at = await visit();
    const codeOf = async () => (await post('connect', dental(), at)).json().code;
    const client = { where: { id: caller.clientPk } };
    await api.database.prisma.client.update({ ...client, data: { disabledAt: new Date() } });
    expect(await codeOf()).toBe('connect_session_not_found');
    await api.database.prisma.client.update({ ...client, data: { disabledAt: null } });
    const renewal = await visit({ user_id: caller.publicId });
    const looks = () => look(renewal).then((data) => data?.renews !== undefined);
    expect(await looks()).toBe(true);
    const user = { where: { publicId: caller.publicId } };
    await api.database.prisma.user.update({ ...user, data: { disabledAt: new Date() } });
    expect(await looks()).toBe(false);
    expect((await post('connect', dental(), renewal)).json().code).toBe('connect_session_not_found');
    await api.database.prisma.user.update({ ...user, data: { disabledAt: null } });
    await api.database.prisma.connectSession.update({
      where: { id: at.id },
      data: { expiresAt: new Date() },
    });
    expect(await codeOf()).toBe('connect_session_not_found');
  });

  test('unknown links from one address are bounded', async () => {
    const remoteAddress = '192.0.2.77';
    const codes: number[] = [];
    for (let n = 0; n < 70; n += 1) {
      const answer = await api.app.inject({
        method: 'POST',
        url: '/connect/api/open',
        remoteAddress,
        headers: PAGE,
        payload: JSON.stringify({ secret: `cl_${String(n).padStart(32, '0')}` }),
      });
      codes.push(answer.statusCode);
    }
    expect(codes.filter((code) => code === 429)).toHaveLength(10);
    await visit();
  });
});

describe('connecting', () => {
  test('two windows of one session make one user, and its event', async () => {
    const at = await visit();
    const results = await Promise.all([post('connect', dental(), at), post('connect', dental(), at)]);
    const outcomes = results.map((result) => result.json().data?.outcome ?? result.json().code);
    expect(outcomes.sort()).toEqual(['connected', 'over']);
    const { userId } = await stored(at.id);
    const events = await api.database.prisma.event.findMany({ where: { userId: userId ?? 0 } });
    expect(events.map(({ type }) => type)).toEqual(['user.connected']);
    expect(JSON.parse(events[0]?.body ?? '')).toMatchObject({
      job_id: null,
      data: { connect_session_id: at.id },
    });
    expect(await api.database.prisma.accessToken.count({ where: { userId: userId ?? 0 } })).toBe(0);
    expect((await api.audited()).filter(({ actor }) => actor === `connect:${at.id}`)).toMatchObject([
      { action: 'user.connect', outcome: 'done' },
    ]);
    expect((await look(at)).returnTo).toBe(`${RETURN_URL}&connect_session_id=${at.id}&status=connected`);
  });

  test.each<[string, object, string | null, string]>([
    ['a wrong address', { base_url: 'ftp://a' }, 'base_url', 'The address cannot be used'],
    ['a server that is not there', { base_url: 'http://127.0.0.1:1/' }, null, 'could not be reached'],
    [
      'an EMR that is not there',
      { adapter: 'fax' },
      null,
      'Load this page again, and log in at the EMR or choose another one.',
    ],
    ['an unknown time zone', { time_zone: 'Mars/North' }, 'time_zone', 'This time zone is not known'],
    ['a missing credential', { credentials: {} }, null, 'needs the credential'],
    ['no name', { name: undefined }, 'name', 'name is missing'],
    [
      'a credential without a login',
      { adapter: 'drchrono', way: 'login' },
      null,
      'Load this page again, and log in',
    ],
  ])('%s is said in our words, and nothing is made', async (_what, change, field, reason) => {
    const at = await visit();
    const users = await api.database.prisma.user.count();
    const { data } = (await post('connect', dental(change), at)).json();
    expect(data).toEqual({ outcome: 'refused', field, reason: expect.stringContaining(reason) });
    expect(JSON.stringify(data)).not.toContain('typed-');
    expect([await api.database.prisma.user.count(), (await stored(at.id)).state]).toEqual([users, 'open']);
  });

  test.each(['a\nb', '   ', '\u0085', 'a\u007f'])(
    'the name of a practice is one line: not %j',
    async (name) => {
      const at = await visit();
      const answer = await post('connect', dental({ name }), at);
      expect([answer.statusCode, answer.json().code]).toEqual([400, 'invalid_field']);
      expect((await stored(at.id)).state).toBe('open');
    },
  );

  test('an address that a person types is public, also of a live client', async () => {
    const client = { where: { id: caller.clientPk } };
    await api.database.prisma.client.update({ ...client, data: { mode: 'live' } });
    try {
      for (const base_url of [
        'https://10.0.0.1/',
        'https://localhost/',
        'https://[::1]/',
        'https://169.254.169.254/',
      ]) {
        const { data } = (await post('connect', dental({ base_url }), await visit())).json();
        expect(data, base_url).toMatchObject({ outcome: 'refused', field: 'base_url' });
      }
    } finally {
      await api.database.prisma.client.update({ ...client, data: { mode: 'test' } });
    }
  });

  test('a renewal changes the credentials and nothing else, and warns of another practice', async () => {
    const first = await visit();
    await post('connect', dental(), first);
    const { userId } = await stored(first.id);
    const user = { where: { id: userId ?? 0 }, include: { connection: true } };
    const before = await api.database.prisma.user.findUniqueOrThrow(user);
    await api.database.pool.query(
      `INSERT INTO payments (id, job_id, user_id, patient_mrn, emr_patient_id, payment_method, reference_number, location, amount, deposit_date, status)
       VALUES ($1, 1, $2, '1', '999', 'Card', 'r', 'l', 1, now(), 'posted')`,
      [paymentIdToUuid(newPaymentId()), userId],
    );
    const at = await visit({ user_id: before.publicId });
    const { renews, choices } = await look(at);
    expect(renews).toEqual({ name: 'Dental Office', timeZone: 'America/Chicago' });
    expect(choices).toMatchObject([{ adapter: 'open-dental', settings: [] }]);
    const typed = {
      adapter: 'open-dental',
      way: 'credentials',
      time_zone: 'America/Chicago',
      base_url: 'http://127.0.0.1:1/',
      credentials: { developer_key: 'typed-developer', customer_key: 'other' },
    };
    expect((await post('connect', typed, at)).json().data).toEqual({ outcome: 'other_practice' });
    const confirmed = await post('connect', { ...typed, other_practice_is_right: true }, at);
    expect(confirmed.json().data.outcome).toBe('connected');
    const after = await api.database.prisma.user.findUniqueOrThrow(user);
    const { credentials: _, updatedAt: __, capabilityStatement: ___, ...kept } = before.connection ?? {};
    expect(after.connection).toMatchObject(kept);
    expect(after.connection?.credentials).not.toBe(before.connection?.credentials);
    expect((await stored(at.id)).userId).toBe(userId);
  });

  test('a renewal is compared with what was posted, however much waits since the login broke', async () => {
    const first = await visit();
    await post('connect', dental(), first);
    const { userId } = await stored(first.id);
    const { publicId } = await api.database.prisma.user.findUniqueOrThrow({ where: { id: userId ?? 0 } });
    for (let n = 0; n < 22; n += 1)
      await api.database.pool.query(
        `INSERT INTO payments (id, job_id, user_id, patient_mrn, emr_patient_id, payment_method, reference_number, location, amount, deposit_date, status, created_at)
         VALUES ($1, 1, $2, '1', '999', 'Card', $3, 'l', 1, now(), $4::payment_status, now() + make_interval(secs => $5))`,
        [paymentIdToUuid(newPaymentId()), userId, `r${n}`, n === 0 ? 'posted' : 'retrying', n],
      );
    // A setting that is no text.
    await api.database.pool.query(
      `UPDATE connections SET settings = settings || '{"timeout_ms": 9000}' WHERE user_id = ${userId}`,
    );
    const at = await visit({ user_id: publicId });
    expect((await post('connect', dental(), at)).json().data).toEqual({ outcome: 'other_practice' });
  });

  test('a renewal keeps an address that an operator has allowed in clear; a new practice cannot have one', async () => {
    const first = await visit();
    await post('connect', dental(), first);
    const { userId } = await stored(first.id);
    const { publicId } = await api.database.prisma.user.findUniqueOrThrow({ where: { id: userId ?? 0 } });
    const baseUrl = 'http://emr.invalid/api/v1';
    await api.database.prisma.connection.update({
      where: { userId: userId ?? 0 },
      data: { baseUrl, guarded: false },
    });
    const [renewal, fresh] = [await visit({ user_id: publicId }), await visit()];
    const client = { where: { id: caller.clientPk } };
    await api.database.prisma.client.update({ ...client, data: { mode: 'live' } });
    const renewed = await post('connect', dental(), renewal);
    const made = await post('connect', dental({ base_url: baseUrl }), fresh);
    await api.database.prisma.client.update({ ...client, data: { mode: 'test' } });
    expect(renewed.json().data.reason).toContain('could not be reached');
    expect(made.json().data.reason).toContain('must begin with https');
  });

  test('who comes again after the end, as when the answer was lost, learns that it is over, and the page where to go', async () => {
    const at = await visit();
    expect((await post('connect', dental(), at)).json().data.outcome).toBe('connected');
    expect((await post('connect', dental(), at)).json().data).toEqual({ outcome: 'over' });
    expect(await look(at)).toMatchObject({ state: 'connected', returnTo: expect.stringContaining(at.id) });
  });

  test('a setting that the page does not ask for is not taken from a person', async () => {
    for (const settings of [{ timeout_ms: '1' }, { calls_per_minute: '0' }, { sync_hours: '0' }]) {
      const { data } = (await post('connect', dental({ settings }), await visit())).json();
      expect(data).toMatchObject({ outcome: 'refused', reason: expect.stringContaining('not one that') });
    }
  });

  test('a session has twenty tries', async () => {
    const at = await visit();
    await api.database.prisma.connectSession.update({ where: { id: at.id }, data: { tries: 19 } });
    const outcome = async () =>
      (await post('connect', dental({ base_url: 'http://127.0.0.1:1/' }), at)).json().data.outcome;
    expect([await outcome(), await outcome()]).toEqual(['refused', 'too_many_tries']);
  });
});

describe('a login at the EMR', () => {
  test('is PKCE with S256 and the exact address; its login goes into the connection, and to no browser', async () => {
    const at = await visit();
    const begun = (await post('login', { adapter: 'drchrono', base_url: drchrono() }, at)).json().data;
    const query = Object.fromEntries(new URL(begun.location).searchParams);
    expect(query).toMatchObject({
      response_type: 'code',
      redirect_uri: `${PUBLIC_URL}/connect/callback`,
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge_method: 'S256',
    });
    expect(await comeBack(await logIn(at), at.cookie)).toBe('/connect');
    expect((await look(at)).loggedIn).toEqual({ adapter: 'drchrono', baseUrl: drchrono() });
    expect((await stored(at.id)).held).not.toContain('refresh');
    const typed = {
      name: 'Main Street',
      time_zone: 'America/Denver',
      base_url: 'http://127.0.0.1:1/',
      adapter: 'drchrono',
      way: 'login',
    };
    const { data } = (await post('connect', typed, at)).json();
    expect(data).toEqual({ outcome: 'connected', returnTo: expect.stringContaining('status=connected') });
    const { userId, held } = await stored(at.id);
    expect(held).toBe(null);
    const connection = await api.database.prisma.connection.findUniqueOrThrow({
      where: { userId: userId ?? 0 },
    });
    // The typed address is not where the operator's secret goes.
    expect(connection.baseUrl).toBe(drchrono());
  });

  test("a practice that connects itself takes the limit that the operator has set for the application's practices", async () => {
    const connect = async () => {
      const at = await visit();
      await comeBack(await logIn(at), at.cookie);
      const typed = { name: 'Main Street', time_zone: 'America/Denver', adapter: 'drchrono', way: 'login' };
      expect((await post('connect', typed, at)).json().data).toMatchObject({ outcome: 'connected' });
      return api.database.prisma.user.findUniqueOrThrow({
        where: { id: (await stored(at.id)).userId ?? 0 },
        include: { connection: { include: { lane: { include: { bucket: true } } } } },
      });
    };
    const { keyring } = api;
    const by = { actor: 'cli:alice', source: 'desk-1' };
    const { publicId } = await connect();
    const set = await setLimit(
      { database: api.database, keyring, sandboxHosts: parseSandboxHosts('127.0.0.1') },
      { publicId, setting: { calls_per_hour: '5000' }, by },
    );
    expect(set).toMatchObject({ outcome: 'set' });
    // As some minutes later: at first payments alone may call.
    const rested = [new Date(0), new Date(0)];
    await api.database.prisma.rateBucket.updateMany({ data: { nextSlots: rested } });
    expect((await connect()).connection?.lane.bucket).toMatchObject({
      calls: [9, 5000],
      perMs: [1000, 3_600_000],
    });
  });

  test('a return counts once, for the session and the browser that began it', async () => {
    const [at, other] = [await visit(), await visit()];
    const address = await logIn(at);
    const NOT = '/connect?notice=not-expected';
    expect(await comeBack(address, other.cookie)).toBe(NOT);
    expect(await comeBack(address, 'emr-connect=none')).toBe('/connect?notice=no-session');
    expect(await comeBack(address.replace(/state=[^&]+/, 'state=other'), at.cookie)).toBe(NOT);
    expect(await comeBack(`${address}&state=again`, at.cookie)).toBe(NOT);
    const both = await Promise.all([comeBack(address, at.cookie), comeBack(address, at.cookie)]);
    expect(both.sort()).toEqual(['/connect', NOT]);
    expect(await comeBack(address, at.cookie)).toBe(NOT);
    expect((await look(other)).loggedIn).toBe(null);
  });

  test('a login that was begun again ends the one before', async () => {
    const at = await visit();
    const first = await logIn(at);
    const second = await logIn(at);
    expect(await comeBack(first, at.cookie)).toBe('/connect?notice=not-expected');
    expect(await comeBack(second, at.cookie)).toBe('/connect');
  });

  test.each<[string, (address: string) => string, string]>([
    ['a code that is wrong', (address) => address.replace(/code=[^&]+/, 'code=wrong'), 'unavailable'],
    ['two codes', (address) => `${address}&code=second`, 'not-trusted'],
    ['no code', (address) => address.replace(/code=[^&]+&?/, ''), 'not-trusted'],
    ['a token in the address', (address) => `${address}&token=x`, 'not-trusted'],
    ['another server', (address) => `${address}&iss=https://evil.example`, 'not-trusted'],
    ['an error', (address) => address.replace(/code=[^&]+/, 'error=server_error'), 'refused'],
  ])('%s gives nothing', async (_what, change, notice) => {
    const at = await visit();
    expect(await comeBack(change(await logIn(at)), at.cookie)).toBe(`/connect?notice=${notice}`);
    expect(await look(at)).toMatchObject({ loggedIn: null });
    expect((await stored(at.id)).held).toBe(null);
  });

  test('only what the session offers can be logged in at', async () => {
    const login = { adapter: 'drchrono', base_url: drchrono() };
    const none = { outcome: 'no_application' };
    expect((await post('login', login, await visit({ adapter: 'open-dental' }))).json().data).toEqual(none);
    const at = await visit();
    const client = { where: { id: caller.clientPk } };
    await api.database.prisma.client.update({ ...client, data: { mode: 'live' } });
    const answer = await post('login', login, at);
    await api.database.prisma.client.update({ ...client, data: { mode: 'test' } });
    expect(answer.json().data).toEqual(none);
  });

  test('an exchange counts as a try: it is a call with the credentials of the operator', async () => {
    const at = await visit();
    await api.database.prisma.connectSession.update({ where: { id: at.id }, data: { tries: 19 } });
    const wrong = async () => (await logIn(at)).replace(/code=[^&]+/, 'code=wrong');
    expect(await comeBack(await wrong(), at.cookie)).toBe('/connect?notice=unavailable');
    expect(await comeBack(await wrong(), at.cookie)).toBe('/connect?notice=tries');
    expect((await stored(at.id)).held).toBe(null);
  });

  test('a fault of ours leads a person to the page, without the code in the address', async () => {
    const at = await visit();
    const address = await logIn(at);
    await api.database.prisma.connectSession.update({ where: { id: at.id }, data: { held: 'not sealed' } });
    expect(await comeBack(address, at.cookie)).toBe('/connect?notice=failed');
  });

  test('a person may say no, come too late, or find the token endpoint down', async () => {
    const at = await visit();
    expect(await comeBack(await logIn(at, 'deny'), at.cookie)).toBe('/connect?notice=denied');
    await setApplication({ tokenUrl: 'http://127.0.0.1:1/token' });
    expect(await comeBack(await logIn(at), at.cookie)).toBe('/connect?notice=unavailable');
    await setApplication({});
    const address = await logIn(at);
    await api.database.prisma.connectSession.update({
      where: { id: at.id },
      data: { expiresAt: new Date() },
    });
    expect(await comeBack(address, at.cookie)).toBe('/connect?notice=no-session');
  });
});
