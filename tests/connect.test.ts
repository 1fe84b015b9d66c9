import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text as readText } from 'node:stream/consumers';
import { createClient } from '@emr-payments/client';
import { importPatients, openDatabase } from '@emr-payments/db';
import { Client as Session } from 'pg';
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { hasBrowser, openBrowser } from './service/browser.ts';
import { type Front, openFront } from './service/front.ts';
import { openService, type Service } from './service/open-service.ts';
import { newPerson, type PracticePerson } from './service/practice-person.ts';

/**
 * A practice connects itself by a link, in a real browser: with credentials that a person types, and by the login of an EMR. The
 * integrator learns of it by webhook, fetches the access token once, and posts a payment. Two API processes take turns: no request
 * of the page reaches the one that answered the request before.
 */

const PATIENCE = { timeout: 60_000, interval: 100 };
const SLOW = { timeout: 240_000 };

let service: Service;
let front: Front;
let browser: Browser;
let session: Session;
let person: PracticePerson | undefined;

beforeAll(async () => {
  if (!hasBrowser) return;
  front = await openFront();
  [service, browser] = await Promise.all([
    openService({ name: 'connect', apis: 2, api: { PUBLIC_URL: front.url } }),
    openBrowser(),
  ]);
  toBoth();
  session = new Session({ connectionString: service.database.url });
  await session.connect();
}, 180_000);
afterEach(async () => {
  await person?.close();
  person = undefined;
});
afterAll(async () => {
  await browser?.close();
  await session?.end();
  await service?.close();
  await front?.close();
});

const toBoth = () => front.to(service.stack.apis.map(({ url }) => url));
async function enter(width: number): Promise<PracticePerson> {
  person = await newPerson(browser, { width });
  return person;
}
const clientOf = (accessToken = 'none', baseUrl = front.url) => {
  const { client_id: clientId, client_secret: clientSecret } = service.stack.demo;
  return createClient({ baseUrl, clientId, clientSecret, accessToken });
};
const returnUrl = () => `${service.stack.inboxUrl}/`;
const newLink = (given: { adapter?: string; user_id?: string } = {}) =>
  clientOf().connectSessions.create({ return_url: returnUrl(), ...given });

async function backFrom({ page }: PracticePerson): Promise<Record<string, string>> {
  await page.waitForURL((url) => url.href.startsWith(returnUrl()));
  return Object.fromEntries(new URL(page.url()).searchParams);
}

/** The bodies of all events of a type that the integrator got. */
async function delivered(type: string): Promise<{ data: Record<string, unknown> }[]> {
  const { rows } = await session.query<{ body: string }>(
    `SELECT e.body FROM events e JOIN deliveries d ON d.event_id = e.id WHERE e.type = $1 AND d.status = 'delivered'`,
    [type],
  );
  return rows.map(({ body }) => JSON.parse(body));
}
const connectedEvents = async (id: string) =>
  (await delivered('user.connected')).filter(({ data }) => data.connect_session_id === id);

type Patient = { mrn: string; emrPatientId: string; method: string };

/** What the integrator does after the event: it fetches the token, imports a patient, and posts a payment. */
async function payFor(sessionId: string, patient: Patient) {
  await vi.waitFor(async () => expect(await connectedEvents(sessionId)).toHaveLength(1), PATIENCE);
  const [event] = await connectedEvents(sessionId);
  // Asked at both processes at once, one of the requests gets it.
  const asked = await Promise.allSettled(
    service.stack.apis.map(({ url }) => clientOf('none', url).connectSessions.token(sessionId)),
  );
  const given = asked.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const refused = asked.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []));
  expect(refused).toMatchObject([{ code: 'access_token_given_out' }]);
  expect(given).toHaveLength(1);
  const { user_id = '', access_token = '' } = given[0] ?? {};
  expect(event?.data).toEqual({ user_id, connect_session_id: sessionId });
  await importFor(user_id, patient);
  const payment_id = await pay(access_token, patient);
  await isPosted(access_token, payment_id);
  return { user_id, access_token, payment_id };
}

async function importFor(publicId: string, { mrn, emrPatientId }: Patient) {
  const database = openDatabase({ url: service.database.url, poolSize: 1, applicationName: 'test' });
  try {
    const { id } = await database.prisma.user.findUniqueOrThrow({ where: { publicId } });
    await importPatients({ database }, { userId: id, patients: [{ mrn, emrPatientId }] });
  } finally {
    await database.close();
  }
}

async function pay(accessToken: string, { mrn, method }: Patient): Promise<string> {
  const payment = { patient_mrn: mrn, payment_method: method, reference_number: mrn, location: '1404' };
  return (await clientOf(accessToken).payments.create({ ...payment, amount: 12.5 })).payment_id;
}
const isPosted = (accessToken: string, id: string) =>
  vi.waitFor(
    async () => expect(await clientOf(accessToken).payments.get(id)).toMatchObject({ status: 'posted' }),
    PATIENCE,
  );

/** No secret was in any address, and none came to the browser. */
function nothingLeaked({ seen }: PracticePerson, secrets: readonly string[]) {
  const requested = seen.urls.map((url) => url.replace(/#.*/, ''));
  // The whole form: a login's random `state` can hold "at_" by chance.
  expect(requested.filter((url) => /(?<![\w-])(cl|cc|at)_[\w-]{32}(?![\w-])/.test(url))).toEqual([]);
  for (const secret of secrets)
    expect(
      requested.filter((url) => url.includes(secret)),
      secret,
    ).toEqual([]);
  expect(seen.texts.filter((text) => /"at_[\w-]{32}"/.test(text))).toEqual([]);
  for (const secret of ['sandbox-app-secret', 'refresh', 'PAGE ERROR', ...secrets])
    expect(
      seen.texts.filter((text) => text.includes(`"${secret}`) || text.includes(`${secret}":`)),
      secret,
    ).toEqual([]);
}

const R4: Patient = { mrn: 'MRN-12345', emrPatientId: 'pat-1001', method: 'card' };

describe.runIf(hasBrowser)('a practice connects itself', () => {
  test('by the login of its EMR, at 390 pixels', SLOW, async () => {
    const one = await enter(390);
    const { id, url } = await newLink();
    await one.open(url);
    await one.sees(/^Which EMR/);
    await one.page.getByLabel('DrChrono').check();
    await one.press('Next');
    await one.sees('Log in at DrChrono');
    await one.logIn();

    await one.sees('Connect DrChrono');
    expect(new URL(one.page.url()).search).toBe('');
    expect(await one.page.getByLabel("The practice's time zone").inputValue()).toBe('America/Chicago');
    await one.press('Connect');
    // The name is missing: it is said, and the field has the focus.
    await one.page.getByText('The name of the practice is missing. Fill it in.').first().waitFor();
    expect(
      await one.page
        .getByLabel('Name of the practice')
        .evaluate((input) => input === input.ownerDocument.activeElement),
    ).toBe(true);
    await one.sees('Connect DrChrono');
    await one.page.getByLabel('Name of the practice').fill('Main Street Clinic');
    await one.press('Connect');
    expect(await backFrom(one)).toEqual({ connect_session_id: id, status: 'connected' });
    nothingLeaked(one, []);

    const { user_id } = await payFor(id, { mrn: 'MRN-12345', emrPatientId: '1', method: 'Cash' });
    expect(await clientOf().connectSessions.get(id)).toMatchObject({
      state: 'connected',
      user_id,
      token_given: true,
    });
    const { rows } = await session.query(
      'SELECT u.name, c.adapter, c.time_zone, s.held FROM users u JOIN connections c ON c.user_id = u.id JOIN connect_sessions s ON s.user_id = u.id WHERE u.public_id = $1',
      [user_id],
    );
    expect(rows).toEqual([
      { name: 'Main Street Clinic', adapter: 'drchrono', time_zone: 'America/Chicago', held: null },
    ]);
  });

  test(
    'with credentials that a person types; what was typed stays when something is wrong, but for secrets',
    SLOW,
    async () => {
      const one = await enter(1280);
      const { page } = one;
      const { id, url } = await newLink({ adapter: 'open-dental' });
      await one.open(url);
      await one.sees('Connect Open Dental');
      await page.getByLabel('Name of the practice').fill('Dental Office');
      await page.getByLabel("The EMR's address").fill('http://127.0.0.1:1/api/v1');
      await page.getByLabel('Developer key').fill('typed-developer');
      await page.getByLabel('Customer key').fill('typed-customer');
      await page.getByText('Advanced settings').click();
      await page.getByLabel('MRN field (optional)').fill('ChartNumber');
      await one.press('Connect');
      await page.getByText('The EMR could not be reached at this address.').waitFor();
      await one.sees('Connect Open Dental');
      const values = ['Name of the practice', 'MRN field (optional)', 'Developer key', 'Customer key'];
      expect(await Promise.all(values.map((label) => page.getByLabel(label).inputValue()))).toEqual([
        'Dental Office',
        'ChartNumber',
        '',
        '',
      ]);

      await page.getByLabel("The EMR's address").fill(`${service.stack.emrUrl}/open-dental/api/v1`);
      await page.getByLabel('Developer key').fill('typed-developer');
      await page.getByLabel('Customer key').fill('typed-customer');
      await one.press('Connect');
      expect(await backFrom(one)).toEqual({ connect_session_id: id, status: 'connected' });
      nothingLeaked(one, ['typed-developer', 'typed-customer']);
      await payFor(id, { mrn: 'MRN-12346', emrPatientId: '2', method: 'Card' });
    },
  );

  test(
    'by the keyboard alone, with large text in a narrow window; who cancels comes back',
    SLOW,
    async () => {
      const one = await enter(320);
      const { page } = one;
      const { id, url } = await newLink();
      await page.goto(url);
      await page.addStyleTag({ content: ':root { font-size: 200%; }' });
      await one.sees('Connect your EMR');
      // The heading has the focus: the next stop is the button.
      await page.keyboard.press('Tab');
      await page.keyboard.press('Enter');
      await one.sees(/^Which EMR/);
      await page.keyboard.press('Tab');
      await page.keyboard.press('Space');
      const last = page.locator('.option input').last();
      while (!(await last.isChecked())) await page.keyboard.press('ArrowDown');
      await page.keyboard.press('Enter');
      await one.sees(/^Connect /);
      const cancel = page.getByRole('button', { name: 'Cancel' });
      while (!(await cancel.evaluate((each) => each === each.ownerDocument.activeElement)))
        await page.keyboard.press('Tab');
      await page.keyboard.press('Enter');
      expect(await backFrom(one)).toEqual({ connect_session_id: id, status: 'canceled' });
      await expect(clientOf().connectSessions.token(id)).rejects.toMatchObject({
        code: 'connect_session_over',
      });
      expect(await connectedEvents(id)).toEqual([]);
      await page.goto(url);
      await one.press('Start');
      await one.sees('This link cannot be used');
    },
  );

  test(
    'a person who says no, an unknown link, the end of the time and an answer that is lost are views',
    SLOW,
    async () => {
      const one = await enter(390);
      const { page } = one;
      const { id, url } = await newLink({ adapter: 'drchrono' });
      await page.goto(`${front.url}/connect#cl_${'x'.repeat(32)}`);
      await one.press('Start');
      await one.sees('This link cannot be used');
      await one.open(url);
      await one.sees('Log in at DrChrono');
      await one.press('Go to the login');
      await one.press('Deny');
      await page.getByText('You did not allow the access at the EMR').waitFor();
      await one.sees('Log in at DrChrono');
      // The service is away: it is said, and the form stays.
      front.to(['http://127.0.0.1:1']);
      await one.press('Go to the login');
      await page.getByText('The service could not be reached.').waitFor();
      expect(await page.getByRole('alert').count()).toBe(1);
      await one.sees('Log in at DrChrono');
      toBoth();
      await session.query('UPDATE connect_sessions SET expires_at = now() WHERE id = $1', [id]);
      await one.press('Go to the login');
      await one.sees('This link cannot be used');

      // The integrator's page does not come: the last view has the way there.
      await page.route(`${returnUrl()}**`, (route) => route.fulfill({ status: 204 }));
      await one.open((await newLink()).url);
      await one.press('Cancel');
      await one.sees('Canceled');
      await page.getByRole('link', { name: /^Go back to / }).waitFor();
    },
  );

  test(
    'a process that is killed after the EMR has taken the code costs another login, and nothing else',
    SLOW,
    async () => {
      const one = await enter(1280);
      const { url } = await newLink({ adapter: 'drchrono' });
      await one.open(url);
      await one.sees('Log in at DrChrono');
      const [killed, other] = service.stack.apis;
      if (killed === undefined || other === undefined) throw new Error('there are not two');
      // A token endpoint that takes the code, and whose answer never comes.
      const taken = Promise.withResolvers<number>();
      const endpoint = createServer(async (incoming) => {
        const { status } = await fetch(`${service.stack.emrUrl}/drchrono/o/token/`, {
          method: 'POST',
          headers: { 'content-type': incoming.headers['content-type'] ?? '' },
          body: await readText(incoming),
        });
        taken.resolve(status);
      });
      endpoint.listen(0, '127.0.0.1');
      await once(endpoint, 'listening');
      const { port } = endpoint.address() as AddressInfo;
      const tokensFrom = (url: string) =>
        session.query(`UPDATE oauth_applications SET token_url = $1 WHERE adapter = 'drchrono'`, [url]);
      await tokensFrom(`http://127.0.0.1:${port}/`);
      front.to([killed.url]);
      await one.logIn();
      expect(await taken.promise).toBe(200);
      await killed.kill();
      front.to([other.url]);
      await one.page.goto(`${front.url}/connect`);
      await one.sees('Log in at DrChrono');
      await killed.start();
      endpoint.closeAllConnections();
      endpoint.close();
      await tokensFrom(`${service.stack.emrUrl}/drchrono/o/token/`);
      toBoth();
      await one.logIn();
      await one.sees('Connect DrChrono');
      await one.page.getByLabel('Name of the practice').fill('Once More Clinic');
      await one.press('Connect');
      expect(await backFrom(one)).toMatchObject({ status: 'connected' });
      const { rows } = await session.query(`SELECT FROM users WHERE name = 'Once More Clinic'`);
      expect(rows).toHaveLength(1);
    },
  );

  // The last one: it ends the logins of all practices.
  test('at a FHIR server, and again when the login has ended: what waited goes out', SLOW, async () => {
    const one = await enter(390);
    const first = await newLink({ adapter: 'fhir-r4' });
    await one.open(first.url);
    await one.sees(/^Which EMR/);
    await one.page.getByLabel(/^FHIR R4 server at/).check();
    await one.press('Next');
    await one.sees(/^Log in at FHIR R4/);
    await one.logIn();
    await one.sees(/^Connect FHIR R4/);
    await one.page.getByLabel('Name of the practice').fill('FHIR Clinic');
    await one.press('Connect');
    expect(await backFrom(one)).toMatchObject({ status: 'connected' });
    nothingLeaked(one, []);
    const { user_id, access_token } = await payFor(first.id, R4);

    const answer = await fetch(`${service.stack.emrUrl}/sandbox/credentials`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ secret: 'changed' }),
    });
    expect(answer.status).toBe(200);
    const waiting = await pay(access_token, R4);
    const broken = async () =>
      (await delivered('connection.broken')).filter(
        ({ data }) => JSON.stringify(data).includes(user_id) || data.state === 'login_required',
      );
    await vi.waitFor(async () => expect((await broken()).length).toBeGreaterThan(0), PATIENCE);
    await vi.waitFor(
      async () => expect((await clientOf(access_token).connection.get()).health.state).toBe('login_required'),
      PATIENCE,
    );

    const again = await newLink({ user_id });
    await one.open(again.url);
    await one.sees('How do you renew the login?');
    await one.page.getByLabel(/^Log in at/).check();
    await one.press('Next');
    await one.logIn();
    await one.sees('Renew the login');
    // As if the login were another practice's: nobody to whom money went is in it.
    const swap = (from: string, to: string) =>
      session.query(
        `UPDATE payments SET emr_patient_id = $2 WHERE emr_patient_id = $1
                AND status = 'posted' AND user_id = (SELECT id FROM users WHERE public_id = $3)`,
        [from, to, user_id],
      );
    await swap('pat-1001', 'pat-9999');
    await one.press('Connect');
    await one.sees('Is this the same practice?');
    await one.press('No, go back');
    await one.sees('Renew the login');
    await swap('pat-9999', 'pat-1001');
    await one.press('Connect');
    expect(await backFrom(one)).toEqual({ connect_session_id: again.id, status: 'connected' });
    await isPosted(access_token, waiting);
    expect((await clientOf(access_token).connection.get()).health.state).toBe('connected');
    await vi.waitFor(
      async () => expect((await delivered('connection.restored')).length).toBeGreaterThan(0),
      PATIENCE,
    );
    const entries = (await service.ledger()).filter(({ payment_id }) => payment_id === waiting);
    expect(entries).toHaveLength(1);
  });
});
