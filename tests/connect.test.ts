import { createClient } from '@emr-payments/client';
import { importPatients, openDatabase } from '@emr-payments/db';
import { Client as Session } from 'pg';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { accessibilityProblems, hasBrowser, openBrowser } from './service/browser.ts';
import { openService, type Service } from './service/open-service.ts';

/**
 * A practice connects itself by a link, in a real browser: with credentials that a person types, and by the login of an EMR. The
 * integrator learns of it by webhook, fetches the access token once, and posts a payment.
 */

const PATIENCE = { timeout: 60_000, interval: 100 };
const SLOW = { timeout: 240_000 };

let service: Service;
let browser: Browser;
let session: Session;
let context: BrowserContext | undefined;
/** Every address that the browser has requested, and every text that it got from the page's API. */
let seen: { urls: string[]; texts: string[] };

beforeAll(async () => {
  if (!hasBrowser) return;
  [service, browser] = await Promise.all([openService({ name: 'connect' }), openBrowser()]);
  session = new Session({ connectionString: service.database.url });
  await session.connect();
}, 180_000);
afterEach(async () => {
  await context?.close();
});
afterAll(async () => {
  await browser?.close();
  await session?.end();
  await service?.close();
});

/** Opens a window of a person, with a profile of its own. */
async function openWindow(width = 1280): Promise<Page> {
  context = await browser.newContext({
    viewport: { width, height: 900 },
    bypassCSP: true,
    timezoneId: 'America/Chicago',
  });
  const page = await context.newPage();
  seen = { urls: [], texts: [] };
  page.on('request', (request) => seen.urls.push(request.url()));
  page.on('response', async (response) => {
    if (response.url().includes('/connect/')) seen.texts.push(await response.text().catch(() => ''));
  });
  page.on('pageerror', (error) => seen.texts.push(`PAGE ERROR ${error.message}`));
  return page;
}

const clientOf = (accessToken = 'none') => {
  const { client_id: clientId, client_secret: clientSecret } = service.stack.demo;
  return createClient({ baseUrl: service.stack.apiUrl, clientId, clientSecret, accessToken });
};
const returnUrl = () => `${service.stack.inboxUrl}/`;
const heading = (page: Page, name: string | RegExp) =>
  page.getByRole('heading', { level: 1, name }).waitFor();
const press = (page: Page, name: string) => page.getByRole('button', { name, exact: true }).click();

async function startOf(page: Page, given: { adapter?: string; user_id?: string } = {}): Promise<string> {
  const { id, url } = await clientOf().connectSessions.create({ return_url: returnUrl(), ...given });
  await page.goto(url);
  await heading(page, 'Connect your EMR');
  expect(await accessibilityProblems(page)).toEqual([]);
  await press(page, 'Start');
  return id;
}

/** Goes through the sandbox's login of DrChrono. */
async function logInAtDrChrono(page: Page): Promise<void> {
  await heading(page, 'Log in at DrChrono');
  expect(await accessibilityProblems(page)).toEqual([]);
  await press(page, 'Go to the login');
  await page.getByLabel('User name').fill('frontdesk');
  await page.getByLabel('Password').fill('let-me-in');
  await press(page, 'Allow');
}

async function backFrom(page: Page): Promise<Record<string, string>> {
  await page.waitForURL((url) => url.href.startsWith(returnUrl()));
  return Object.fromEntries(new URL(page.url()).searchParams);
}

/** The bodies of all `user.connected` events that the integrator got. */
async function connectedEvents(sessionId: string): Promise<{ data: { user_id: string } }[]> {
  const { rows } = await session.query<{ body: string }>(
    `SELECT e.body FROM events e JOIN deliveries d ON d.event_id = e.id WHERE e.type = 'user.connected' AND d.status = 'delivered'`,
  );
  return rows.map(({ body }) => JSON.parse(body)).filter(({ data }) => data.connect_session_id === sessionId);
}

/** What the integrator does after the event: it fetches the token, imports a patient, and posts a payment. */
async function payFor(sessionId: string, patient: { mrn: string; emrPatientId: string; method: string }) {
  await vi.waitFor(async () => expect(await connectedEvents(sessionId)).toHaveLength(1), PATIENCE);
  const [event] = await connectedEvents(sessionId);
  const integrator = clientOf();
  const { user_id, access_token } = await integrator.connectSessions.token(sessionId);
  expect(event?.data).toEqual({ user_id, connect_session_id: sessionId });
  await expect(integrator.connectSessions.token(sessionId)).rejects.toMatchObject({
    code: 'access_token_given_out',
  });
  await importFor(user_id, patient);
  await pay(access_token, patient);
  return { user_id, access_token };
}

async function importFor(publicId: string, { mrn, emrPatientId }: { mrn: string; emrPatientId: string }) {
  const database = openDatabase({ url: service.database.url, poolSize: 1, applicationName: 'test' });
  try {
    const { id } = await database.prisma.user.findUniqueOrThrow({ where: { publicId } });
    await importPatients({ database }, { userId: id, patients: [{ mrn, emrPatientId }] });
  } finally {
    await database.close();
  }
}

async function pay(accessToken: string, { mrn, method }: { mrn: string; method: string }) {
  const practice = clientOf(accessToken);
  const payment = {
    patient_mrn: mrn,
    payment_method: method,
    reference_number: mrn,
    location: '1404',
    amount: 12.5,
  };
  const { payment_id } = await practice.payments.create(payment);
  await vi.waitFor(
    async () => expect(await practice.payments.get(payment_id)).toMatchObject({ status: 'posted' }),
    PATIENCE,
  );
}

/** No secret was in any address, and none came to the browser. */
function nothingLeaked(secrets: readonly string[]) {
  const requested = seen.urls.map((url) => url.replace(/#.*/, ''));
  for (const secret of ['cl_', 'cc_', 'at_', ...secrets])
    expect(
      requested.filter((url) => url.includes(secret)),
      secret,
    ).toEqual([]);
  for (const secret of ['sandbox-app-secret', 'refresh', 'at_', 'PAGE ERROR', ...secrets])
    expect(
      seen.texts.filter((text) => text.includes(`"${secret}`) || text.includes(`${secret}":`)),
      secret,
    ).toEqual([]);
}

describe.runIf(hasBrowser)('a practice connects itself', () => {
  test('by the login of its EMR, at 390 pixels', SLOW, async () => {
    const page = await openWindow(390);
    const id = await startOf(page);
    await heading(page, /^Which EMR/);
    expect(await accessibilityProblems(page)).toEqual([]);
    await page.getByLabel('DrChrono').check();
    await press(page, 'Next');
    await logInAtDrChrono(page);

    await heading(page, 'Connect DrChrono');
    expect(await accessibilityProblems(page)).toEqual([]);
    expect(new URL(page.url()).search).toBe('');
    expect(await page.getByLabel("The practice's time zone").inputValue()).toBe('America/Chicago');
    await press(page, 'Connect');
    // The name is missing: it is said, and the field has the focus.
    await page.getByText('The name of the practice is missing. Fill it in.').first().waitFor();
    expect(
      await page
        .getByLabel('Name of the practice')
        .evaluate((one) => one === one.ownerDocument.activeElement),
    ).toBe(true);
    expect(await accessibilityProblems(page)).toEqual([]);
    await page.getByLabel('Name of the practice').fill('Main Street Clinic');
    await press(page, 'Connect');
    expect(await backFrom(page)).toEqual({ connect_session_id: id, status: 'connected' });
    nothingLeaked([]);

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
      const page = await openWindow();
      const id = await startOf(page, { adapter: 'open-dental' });
      await heading(page, 'Connect Open Dental');
      expect(await accessibilityProblems(page)).toEqual([]);
      await page.getByLabel('Name of the practice').fill('Dental Office');
      await page.getByLabel("The EMR's address").fill('http://127.0.0.1:1/api/v1');
      await page.getByLabel('Developer key').fill('typed-developer');
      await page.getByLabel('Customer key').fill('typed-customer');
      await page.getByText('Advanced settings').click();
      await page.getByLabel('MRN field (optional)').fill('ChartNumber');
      expect(await accessibilityProblems(page)).toEqual([]);
      await press(page, 'Connect');
      await page.getByText('The EMR could not be reached at this address.').waitFor();
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
      await press(page, 'Connect');
      expect(await backFrom(page)).toEqual({ connect_session_id: id, status: 'connected' });
      nothingLeaked(['typed-developer', 'typed-customer']);
      await payFor(id, { mrn: 'MRN-12346', emrPatientId: '2', method: 'Card' });
    },
  );

  test('who cancels comes back, and nothing was made', SLOW, async () => {
    const page = await openWindow();
    const id = await startOf(page);
    await heading(page, /^Which EMR/);
    await press(page, 'Cancel');
    expect(await backFrom(page)).toEqual({ connect_session_id: id, status: 'canceled' });
    await expect(clientOf().connectSessions.token(id)).rejects.toMatchObject({
      code: 'connect_session_over',
    });
    expect(await connectedEvents(id)).toEqual([]);
  });
});
