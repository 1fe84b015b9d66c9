import type { Tenant } from './requests.ts';

/** Time between two rounds, in milliseconds. */
const PAUSE_MS = 500;

export type TestRounds = {
  /** Ends after the present round. @returns the number of tests that ran, and of those that were refused as too many. */
  stop(): Promise<{ ran: number; refused: number }>;
};

/** Registers `count` endpoints of one client. @returns their ids. */
export async function registerEndpoints(
  { apiUrl, tenant }: { apiUrl: string; tenant: Tenant },
  { url, count }: { url: string; count: number },
): Promise<string[]> {
  const headers = headersOf(tenant);
  const ids: string[] = [];
  for (let n = 0; n < count; n += 1) {
    const answer = await fetch(`${apiUrl}/v1/webhooks`, {
      method: 'POST',
      headers,
      // The bench makes no event of this type, so only tests go there.
      body: JSON.stringify({ url: `${url}${n}`, event_types: ['payment.review_required'] }),
    });
    if (!answer.ok) throw new Error(`no endpoint was registered: ${answer.status} ${await answer.text()}`);
    ids.push(((await answer.json()) as { data: { id: string } }).data.id);
  }
  return ids;
}

/** Sends a test to every endpoint at the same moment, again and again. */
export function testInRounds(
  { apiUrl, tenant }: { apiUrl: string; tenant: Tenant },
  endpointIds: readonly string[],
): TestRounds {
  const headers = headersOf(tenant);
  const count = { ran: 0, refused: 0 };
  let stopped = false;
  const testOne = async (id: string) => {
    const answer = await fetch(`${apiUrl}/v1/webhooks/${id}/test`, { method: 'POST', headers, body: '{}' });
    await answer.arrayBuffer();
    if (answer.ok) count.ran += 1;
    else count.refused += 1;
  };
  const rounds = (async () => {
    while (!stopped) {
      await Promise.all(endpointIds.map(testOne));
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  })();
  return {
    async stop() {
      stopped = true;
      await rounds;
      return count;
    },
  };
}

const headersOf = ({ clientId, clientSecret }: Tenant) => ({
  'content-type': 'application/json',
  client_id: clientId,
  client_secret: clientSecret,
});
