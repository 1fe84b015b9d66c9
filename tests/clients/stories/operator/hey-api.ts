import {
  connectUser,
  createClient,
  endHold,
  getConnection,
  getUser,
  listAudit,
  listHolds,
  rotateClientSecret,
  startHold,
} from './client';
import { client } from './client/client.gen';
import type { ErrorReply, OperatorConnection } from './client/types.gen';

const { BASE_URL = '', OPERATOR_KEY = '', EMR_URL = '', REFERENCE = '' } = process.env;
client.setConfig({ baseUrl: BASE_URL, auth: OPERATOR_KEY });

async function main(): Promise<void> {
  const create = { body: { name: 'Front Desk Software', mode: 'test' }, headers: { 'Idempotency-Key': REFERENCE } } as const;
  const made = await createClient({ ...create, throwOnError: true });
  const { client_id } = made.data.data;
  console.log('client', client_id);
  const again = await createClient({ ...create, throwOnError: true });
  console.log('again', again.data.data.client_id);
  const user = await connectUser({
    body: {
      client_id,
      name: 'Elm Street Clinic',
      adapter: 'fhir-r5',
      base_url: EMR_URL,
      time_zone: 'America/New_York',
      credentials: { bearer_token: 'any' },
    },
    throwOnError: true,
  });
  const { user_id } = user.data.data;
  const read = await getConnection({ path: { user_id }, throwOnError: true });
  const connection: OperatorConnection = read.data.data;
  console.log('user', user_id, connection.health.state, connection.last_sync);
  const rotated = await rotateClientSecret({ path: { client_id }, body: { overlap_seconds: 60 }, throwOnError: true });
  console.log('rotated', rotated.data.data.client_secret.slice(0, 7));
  await startHold({ body: { user_id, reason: 'moved' }, throwOnError: true });
  const holds = await listHolds({ query: { user_id }, throwOnError: true });
  const hold = holds.data.data.find(({ scope }) => scope === user_id);
  console.log('hold', hold?.scope, hold?.reason);
  const ended = await endHold({ path: { scope: user_id }, throwOnError: true });
  console.log('ended', ended.data.data.other_holds.length === 0 ? 'none' : 'others');
  const audit = await listAudit({ query: { limit: 2 }, throwOnError: true });
  console.log('audit', audit.data.data.map(({ action }) => action).join(' '));
  const refused = await createClient({ body: { name: '' } });
  const refusal: ErrorReply | undefined = refused.error;
  console.log('refused', refused.response?.status, refusal?.code);
  const missing = await getUser({ path: { user_id: 'user_nobody' } });
  console.log('missing', missing.response?.status, missing.error?.code);
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
