import type { Browser, BrowserContext, Page } from 'playwright-core';
import { expect } from 'vitest';
import { accessibilityProblems } from './browser.ts';

/** A person at a practice, with a browser profile of its own. */
export type PracticePerson = {
  page: Page;
  /** Every address that the browser has requested, and every text that it got from the page and its API. */
  seen: { urls: string[]; texts: string[] };
  /** Waits for a view, and for what it shows to be accessible in both colour schemes. */
  sees(heading: string | RegExp): Promise<void>;
  press(name: string): Promise<void>;
  /** Opens a link as far as its first view after the start. */
  open(link: string): Promise<void>;
  /** Logs in on the page of the sandbox's EMR. */
  logIn(): Promise<void>;
  close(): Promise<void>;
};

/** Fails where a view is wider than its window, or has what axe finds wrong, in light and in dark. */
export async function isGood(page: Page): Promise<void> {
  for (const colorScheme of ['dark', 'light'] as const) {
    await page.emulateMedia({ colorScheme });
    expect(await accessibilityProblems(page), colorScheme).toEqual([]);
  }
  const [wide, window] = await page.evaluate(() => {
    const { document, innerWidth } = globalThis as unknown as {
      document: { documentElement: { scrollWidth: number } };
      innerWidth: number;
    };
    return [document.documentElement.scrollWidth, innerWidth] as const;
  });
  expect(wide, 'what is shown is wider than the window').toBeLessThanOrEqual(window);
}

export async function newPerson(browser: Browser, { width }: { width: number }): Promise<PracticePerson> {
  const context: BrowserContext = await browser.newContext({
    viewport: { width, height: 900 },
    bypassCSP: true,
    timezoneId: 'America/Chicago',
  });
  const page = await context.newPage();
  const seen: PracticePerson['seen'] = { urls: [], texts: [] };
  page.on('request', (request) => seen.urls.push(request.url()));
  page.on('response', async (response) => {
    if (response.url().includes('/connect/')) seen.texts.push(await response.text().catch(() => ''));
  });
  page.on('pageerror', (error) => seen.texts.push(`PAGE ERROR ${error.message}`));
  const press = (name: string) => page.getByRole('button', { name, exact: true }).click();
  const sees = async (name: string | RegExp) => {
    const text = () => page.locator('main').textContent();
    await page
      .getByRole('heading', { level: 1, name })
      .waitFor()
      .catch(async (cause: unknown) => {
        throw new Error(`${page.url()} shows: ${await text().catch(() => 'nothing')}`, { cause });
      });
    await isGood(page);
  };
  return {
    page,
    seen,
    sees,
    press,
    async open(link) {
      await page.goto(link);
      await sees('Connect your EMR');
      await press('Start');
    },
    async logIn() {
      await press('Go to the login');
      await page.getByLabel('User name').fill('frontdesk');
      await page.getByLabel('Password').fill('let-me-in');
      await press('Allow');
    },
    close: () => context.close(),
  };
}
