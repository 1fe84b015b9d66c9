import createClient from 'openapi-fetch';
import type { components, paths } from './payments';

// Types of openapi-typescript, requests of openapi-fetch.

const { BASE_URL = '', OPERATOR_KEY = '', EMR_URL = '', REFERENCE = '' } = process.env;
const client = createClient<paths>({ baseUrl: BASE_URL, headers: { authorization: `Bearer ${OPERATOR_KEY}` } });

async function main(): Promise<void> {
  const header = { 'Idempotency-Key': REFERENCE };
  const body = { name: 'Front Desk Software', mode: 'test' } as const;
  const made = await client.POST('/operator/v1/clients', { params: { header }, body });
  const client_id: string = made.data?.data.client_id ?? '';
  console.log('client', client_id);
  const again = await client.POST('/operator/v1/clients', { params: { header }, body });
  console.log('again', again.data?.data.client_id);
  const user = await client.POST('/operator/v1/users', {
    body: {
      client_id,
      name: 'Elm Street Clinic',
      adapter: 'fhir-r5',
      base_url: EMR_URL,
      time_zone: 'America/New_York',
      credentials: { bearer_token: 'any' },
    },
  });
  const user_id: string = user.data?.data.user_id ?? '';
  const read = await client.GET('/operator/v1/users/{user_id}/connection', { params: { path: { user_id } } });
  const connection: components['schemas']['OperatorConnection'] | undefined = read.data?.data;
  console.log('user', user_id, connection?.health.state, connection?.last_sync);
  const rotated = await client.POST('/operator/v1/clients/{client_id}/rotate-secret', {
    params: { path: { client_id } },
    body: { overlap_seconds: 60 },
  });
  console.log('rotated', rotated.data?.data.client_secret.slice(0, 7));
  await client.POST('/operator/v1/holds', { body: { user_id, reason: 'moved' } });
  const holds = await client.GET('/operator/v1/holds', { params: { query: { user_id } } });
  const hold = holds.data?.data.find(({ scope }) => scope === user_id);
  console.log('hold', hold?.scope, hold?.reason);
  const ended = await client.POST('/operator/v1/holds/{scope}/end', { params: { path: { scope: user_id } } });
  console.log('ended', ended.data?.data.other_holds.length === 0 ? 'none' : 'others');
  const audit = await client.GET('/operator/v1/audit', { params: { query: { limit: 2 } } });
  console.log('audit', audit.data?.data.map(({ action }) => action).join(' '));
  const refused = await client.POST('/operator/v1/clients', { body: { name: '' } });
  const refusal: components['schemas']['ErrorReply'] | undefined = refused.error;
  console.log('refused', refused.response.status, refusal?.code);
  const path = { user_id: 'user_nobody' };
  const missing = await client.GET('/operator/v1/users/{user_id}', { params: { path } });
  console.log('missing', missing.response.status, missing.error?.code);
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
