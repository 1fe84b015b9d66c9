import { inTransaction, rotateSigningSecret } from '@emr-payments/db';
import { seal } from '@emr-payments/runtime';
import { type Received, startReceiver } from '@emr-payments/testkit/receiver';
import { newWebhookKeyPair, newWebhookSecret, verify } from '@emr-payments/webhooks';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type DeliveryBench, openDeliveryBench } from '../testing/delivery-bench.ts';

const BY = { actor: 'test', source: 'test' };

let bench: DeliveryBench;
beforeEach(async () => {
  bench = await openDeliveryBench();
});
afterEach(() => bench.close());

const sql = async (text: string) => (await bench.owner.pool.query(text)).rows;
const fits = (got: Received | undefined, secret: string) =>
  verify({ body: got?.body ?? '', headers: got?.headers ?? {}, secrets: [secret] }).ok;
const endpointRow = (id: string) =>
  bench.database.prisma.webhookEndpoint.findUniqueOrThrow({ where: { id } });

describe('the request', () => {
  test('the stored body, byte for byte, signed with the endpoint’s secret', async () => {
    const receiver = await startReceiver();
    const { secret } = await bench.register({ url: receiver.url });
    const eventId = await bench.publish();
    await bench.deliverDue();
    const [got] = receiver.received;
    const stored = await bench.database.prisma.event.findUniqueOrThrow({ where: { id: eventId } });
    expect(got?.body).toBe(stored.body);
    expect(got?.headers['webhook-id']).toBe(eventId);
    expect(fits(got, secret)).toBe(true);
    expect(fits(got, newWebhookSecret())).toBe(false);
    expect(await sql('SELECT status, attempts FROM deliveries')).toEqual([
      { status: 'delivered', attempts: 1 },
    ]);
  });

  test('thin: ids and no patient data', async () => {
    const receiver = await startReceiver();
    const { secret } = await bench.register({ url: receiver.url, thin: true });
    const eventId = await bench.publish();
    await bench.deliverDue();
    const [got] = receiver.received;
    expect(JSON.parse(got?.body ?? '')).toEqual({
      id: eventId,
      type: 'payment.created',
      created: '2026-06-15T10:30:00Z',
      payment_id: '123e4567e89b12d3a456426614174001',
    });
    expect(fits(got, secret)).toBe(true);
  });

  test('v1a: what the public key verifies', async () => {
    const receiver = await startReceiver();
    const { secretKey, publicKey } = newWebhookKeyPair();
    await bench.register({ url: receiver.url, signing: 'v1a', secret: secretKey });
    await bench.publish();
    await bench.deliverDue();
    expect(receiver.received[0]?.headers['webhook-signature']).toMatch(/^v1a,/);
    expect(fits(receiver.received[0], publicKey)).toBe(true);
    expect(fits(receiver.received[0], newWebhookKeyPair().publicKey)).toBe(false);
  });

  test('two signatures while a secret rotates, one after', async () => {
    const receiver = await startReceiver();
    const { id, secret: old } = await bench.register({ url: receiver.url });
    const fresh = newWebhookSecret();
    const { keyring } = bench;
    const rotation = { endpointId: id, secret: fresh, overlapSeconds: 3600, by: BY };
    await inTransaction(bench, async (tx) => {
      return { commit: true, value: await rotateSigningSecret({ ...tx, keyring }, rotation) };
    });
    await bench.publish();
    await bench.deliverDue();
    const [during] = receiver.received;
    expect(String(during?.headers['webhook-signature']).split(' ')).toHaveLength(2);
    expect([fits(during, old), fits(during, fresh)]).toEqual([true, true]);

    await sql('UPDATE webhook_secrets SET expires_at = now() WHERE expires_at IS NOT NULL');
    await bench.publish();
    await bench.deliverDue();
    const [, after] = receiver.received;
    expect([fits(after, old), fits(after, fresh)]).toEqual([false, true]);
  });

  test('a secret that was sealed again signs as it is now, although the old one is still open in memory', async () => {
    const receiver = await startReceiver();
    const { secret: old } = await bench.register({ url: receiver.url });
    const fresh = newWebhookSecret();
    await bench.publish();
    await bench.deliverDue();
    const [{ id }] = await sql('SELECT id FROM webhook_secrets');
    const sealed = seal(bench.keyring, `webhook_secret:${id}`, fresh);
    await sql(`UPDATE webhook_secrets SET sealed = '${sealed}'`);
    await bench.publish();
    await bench.deliverDue();
    const [before, after] = receiver.received;
    expect([fits(before, old), fits(before, fresh)]).toEqual([true, false]);
    expect([fits(after, old), fits(after, fresh)]).toEqual([false, true]);
  });

  test('is sent only for the types that the endpoint subscribes to', async () => {
    const receiver = await startReceiver();
    await bench.register({ url: receiver.url, eventTypes: ['payment.failed'] });
    await bench.register({
      url: `${receiver.url}?second`,
      eventTypes: ['payment.created', 'payment.failed'],
    });
    await bench.publish();
    await bench.deliverDue();
    expect(receiver.received).toHaveLength(1);
  });
});

describe('Retry-After', () => {
  test('puts the next attempt off for as long as it says', async () => {
    const receiver = await startReceiver((response) =>
      response.writeHead(429, { 'retry-after': '3600' }).end(),
    );
    await bench.register({ url: receiver.url });
    await bench.publish();
    await bench.deliverDue();
    expect(await bench.deliverDue()).toBe(0);
    const [job] = await sql('SELECT tries, extract(epoch FROM run_at - now())::float8 AS wait FROM jobs');
    expect(job.tries).toBe(1);
    expect(job.wait).toBeGreaterThan(3590);
    expect(job.wait).toBeLessThan(3600 * 1.2 + 1);
  });
});

describe('an endpoint that answers 410', () => {
  test('is disabled in the same commit, with a log line and an event for the client’s other endpoints', async () => {
    const dead = await startReceiver((response) => response.writeHead(410).end());
    const alive = await startReceiver();
    const { id } = await bench.register({ url: dead.url });
    await bench.register({ url: alive.url, eventTypes: ['endpoint.disabled'] });
    const first = await bench.publish();
    await bench.deliverDue();

    expect(await endpointRow(id)).toMatchObject({
      disabledCode: 'gone',
      disabledReason: 'It answered 410 Gone.',
    });
    expect(
      await sql(
        "SELECT actor, source, subject, outcome, detail FROM audit_log WHERE action = 'endpoint.disable'",
      ),
    ).toEqual([
      {
        actor: 'system',
        source: 'worker',
        subject: `endpoint:${id}`,
        outcome: 'done',
        detail: { code: 'gone' },
      },
    ]);
    const [event] = await bench.database.prisma.event.findMany({ where: { type: 'endpoint.disabled' } });
    expect(event).toMatchObject({ clientPk: bench.clientPk, userId: null, paymentId: null, jobId: null });
    expect(bench.logged).toContainEqual({
      level: 'warn',
      fields: { endpoint_id: id, event_id: event?.id, code: 'gone' },
      message: 'endpoint disabled',
    });
    await bench.deliverDue();
    expect(alive.received.map(({ body }) => JSON.parse(body))).toEqual([
      {
        id: event?.id,
        access_token_reference_id: null,
        object: 'event',
        created: expect.stringMatching(/Z$/),
        type: 'endpoint.disabled',
        job_id: null,
        data: { endpoint_id: id, code: 'gone', reason: 'It answered 410 Gone.' },
      },
    ]);
    await bench.publish();
    expect(await bench.deliverDue()).toBe(0);
    expect(dead.received).toHaveLength(1);
    expect(first).not.toBe(event?.id);
  });

  test('has the attempt listed also when the sweeper has taken the job back meanwhile', async () => {
    const receiver = await startReceiver(async (response) => {
      // The lease has run out, and no worker has claimed the job since.
      await sql('UPDATE jobs SET queued_at = NULL, lease_until = NULL');
      response.writeHead(410).end();
    });
    const { id } = await bench.register({ url: receiver.url });
    await bench.publish();
    await bench.deliverDue();
    expect(await endpointRow(id)).toMatchObject({ disabledCode: 'gone' });
    expect(await sql('SELECT status, attempts FROM deliveries')).toEqual([{ status: 'failed', attempts: 1 }]);
    expect(await sql('SELECT number, http_status FROM delivery_attempts')).toEqual([
      { number: 1, http_status: 410 },
    ]);
    expect(await sql('SELECT FROM jobs')).toEqual([]);
  });

  test('cancels the deliveries that wait for it, and a recovery sends them all', async () => {
    let status = 500;
    const receiver = await startReceiver((response) => response.writeHead(status).end());
    const { id } = await bench.register({ url: receiver.url });
    const events = [await bench.publish(), await bench.publish(), await bench.publish()];
    await bench.deliverDue();
    const [one] = await sql('SELECT id FROM jobs ORDER BY id LIMIT 1');
    await sql(`UPDATE jobs SET run_at = now() - interval '1 second' WHERE id = ${one.id}`);
    status = 410;
    expect(await bench.deliverDue()).toBe(1);
    expect(
      await sql('SELECT status, count(*)::int AS n FROM deliveries GROUP BY status ORDER BY status'),
    ).toEqual([
      { status: 'failed', n: 1 },
      { status: 'canceled', n: 2 },
    ]);
    expect(await sql('SELECT count(*)::int AS n FROM jobs')).toEqual([{ n: 0 }]);

    status = 204;
    receiver.received.length = 0;
    await sql('UPDATE webhook_endpoints SET disabled_at = NULL');
    await bench.recover(id);
    await bench.passTime();
    await bench.deliverDue();
    const got = receiver.received.map(({ headers }) => headers['webhook-id']);
    // The event of its own disabling was not sent to it at the time; the recovery includes it.
    expect(got).toHaveLength(4);
    expect(got).toEqual(expect.arrayContaining(events));
    expect(await sql("SELECT count(*)::int AS n FROM deliveries WHERE status = 'delivered'")).toEqual([
      { n: 4 },
    ]);
  });
});

describe('an endpoint that is changed while an attempt is under way', () => {
  const deliveries = () =>
    sql('SELECT d.status, d.attempts, j.tries FROM deliveries d LEFT JOIN jobs j ON j.delivery_id = d.id');

  test.each([410, 500])(
    'and has another URL then, is not to blame for the %s of the old one: it gets the event at once, with the whole schedule',
    async (status) => {
      const receiver = await startReceiver();
      const old = await startReceiver(async (response) => {
        await sql(`UPDATE webhook_endpoints SET url = '${receiver.url}'`);
        response.writeHead(status).end();
      });
      const { id } = await bench.register({ url: old.url });
      const event = await bench.publish();
      // The last attempt of the schedule.
      await sql('UPDATE jobs SET tries = 9');
      await bench.deliverDue();
      expect(await endpointRow(id)).toMatchObject({ disabledAt: null, failingSince: null });
      expect(await sql('SELECT failures FROM lanes')).toEqual([{ failures: 0 }]);
      expect(await deliveries()).toEqual([{ status: 'pending', attempts: 1, tries: 0 }]);
      await bench.deliverDue();
      expect(receiver.received.map(({ headers }) => headers['webhook-id'])).toEqual([event]);
      expect(await deliveries()).toEqual([{ status: 'delivered', attempts: 2, tries: null }]);
    },
  );

  test('and has another fragment then, which is not sent, is to blame for the 410', async () => {
    const receiver = await startReceiver(async (response) => {
      await sql(`UPDATE webhook_endpoints SET url = '${receiver.url}#note'`);
      response.writeHead(410).end();
    });
    const { id } = await bench.register({ url: receiver.url });
    await bench.publish();
    await bench.deliverDue();
    expect(await endpointRow(id)).toMatchObject({ disabledAt: expect.any(Date) });
    expect(await deliveries()).toEqual([{ status: 'failed', attempts: 1, tries: null }]);
  });

  test.each(['disabled_at', 'deleted_at'])(
    'and is disabled or deleted (%s), does not keep the delivery waiting for the next attempt',
    async (column) => {
      const receiver = await startReceiver(async (response) => {
        await sql(`UPDATE webhook_endpoints SET ${column} = now()`);
        response.writeHead(500).end();
      });
      const { id } = await bench.register({ url: receiver.url });
      await bench.publish();
      await bench.deliverDue();
      expect(await deliveries()).toEqual([{ status: 'canceled', attempts: 1, tries: null }]);
      expect(await endpointRow(id)).toMatchObject({ failingSince: null });
    },
  );

  test('and is disabled because of failures, keeps the time since which it missed events, although the attempt succeeds', async () => {
    const failingSince = new Date('2026-06-15T10:30:00Z');
    const receiver = await startReceiver(async (response) => {
      await sql(
        `UPDATE webhook_endpoints SET failing_since = '${failingSince.toISOString()}', disabled_at = now(), disabled_code = 'failing'`,
      );
      response.writeHead(204).end();
    });
    const { id } = await bench.register({ url: receiver.url });
    await bench.publish();
    await bench.deliverDue();
    expect(await deliveries()).toEqual([{ status: 'delivered', attempts: 1, tries: null }]);
    expect(await endpointRow(id)).toMatchObject({ failingSince });
  });
});

test('a delivery leaves its place while its receiver is slow', async () => {
  const answered = Promise.withResolvers<void>();
  const receiver = await startReceiver(async (response) => {
    await answered.promise;
    response.writeHead(204).end();
  });
  await bench.register({ url: receiver.url });
  await bench.publish();
  const leavePlace = vi.fn(() => true);
  const delivering = bench.deliverDue({ leavePlace });
  await vi.waitFor(() => expect(leavePlace).toHaveBeenCalledTimes(1), { timeout: 14_000 });
  answered.resolve();
  await delivering;
  expect(await sql('SELECT status, attempts FROM deliveries')).toEqual([
    { status: 'delivered', attempts: 1 },
  ]);
});

describe('an endpoint that only fails', () => {
  const failures = async (howMany: number) => {
    for (let n = 0; n < howMany; n += 1) {
      await bench.passTime();
      expect(await bench.deliverDue()).toBe(1);
    }
  };

  test('is disabled after five days of it, not before, and not for two failures far apart', async () => {
    const receiver = await startReceiver((response) => response.writeHead(500).end());
    const { id } = await bench.register({ url: receiver.url });
    await bench.publish();
    await failures(2);
    await sql("UPDATE webhook_endpoints SET failing_since = now() - interval '6 days'");
    await failures(1);
    expect((await endpointRow(id)).disabledAt).toBeNull();

    await sql("UPDATE webhook_endpoints SET failing_since = now() - interval '4 days 23 hours'");
    await failures(5);
    await sql('UPDATE lanes SET failures = 10');
    await sql("UPDATE webhook_endpoints SET failing_since = now() - interval '5 days'");
    await bench.publish();
    await bench.passTime();
    expect(await bench.deliverDue()).toBe(1);
    expect(await endpointRow(id)).toMatchObject({ disabledCode: 'failing' });
    expect(await sql('SELECT DISTINCT status FROM deliveries')).toEqual([{ status: 'canceled' }]);
    expect(await sql('SELECT count(*)::int AS n FROM jobs')).toEqual([{ n: 0 }]);
    expect(await sql("SELECT count(*)::int AS n FROM events WHERE type = 'endpoint.disabled'")).toEqual([
      { n: 1 },
    ]);
    expect(await sql('SELECT failures, open_until FROM lanes')).toEqual([{ failures: 0, open_until: null }]);
  });

  test.each([
    ['before its circuit opens', 3],
    ['at the end of a schedule', 10],
  ])('begins a new run of failures after five days in which nothing was sent: %s', async (_when, before) => {
    const receiver = await startReceiver((response) => response.writeHead(500).end());
    const { id } = await bench.register({ url: receiver.url });
    await bench.publish();
    await failures(before);
    await bench.publish();
    const quietFor = (time: string) =>
      sql(`UPDATE lanes SET open_until = open_until - interval '${time}';
           UPDATE webhook_endpoints SET failing_since = failing_since - interval '${time}'`);
    await quietFor('4 days');
    expect(await bench.deliverDue()).toBe(1);
    expect(await sql('SELECT failures FROM lanes')).toEqual([{ failures: before + 1 }]);

    await quietFor('40 days');
    await bench.publish();
    expect(await bench.deliverDue()).toBe(1);
    expect((await endpointRow(id)).disabledAt).toBeNull();
    expect(await sql('SELECT failures FROM lanes')).toEqual([{ failures: 1 }]);
    expect(
      await sql("SELECT failing_since > now() - interval '1 hour' AS is_new FROM webhook_endpoints"),
    ).toEqual([{ is_new: true }]);
  });

  test('waits with its events in Postgres while its circuit is open, one probe at a time', async () => {
    let status = 500;
    const receiver = await startReceiver((response) => response.writeHead(status).end());
    await bench.register({ url: receiver.url });
    for (let n = 0; n < 8; n += 1) await bench.publish();
    await bench.deliverDue();
    expect(receiver.received).toHaveLength(8);
    // It opens for a second, which may have passed on a busy machine.
    expect(
      await sql("UPDATE lanes SET open_until = open_until + interval '1 hour' RETURNING failures"),
    ).toEqual([{ failures: 5 }]);
    await sql("UPDATE jobs SET run_at = now() - interval '1 second'");
    expect(await bench.deliverDue()).toBe(0);
    await bench.passTime();
    expect(await bench.deliverDue()).toBe(1);
    status = 204;
    await bench.passTime();
    expect(await bench.deliverDue()).toBe(1);
    await bench.passTime();
    expect(await bench.deliverDue()).toBe(7);
  });

  test('a success resets the time since which it has been failing', async () => {
    let status = 500;
    const receiver = await startReceiver((response) => response.writeHead(status).end());
    const { id } = await bench.register({ url: receiver.url });
    await bench.publish();
    await failures(1);
    expect((await endpointRow(id)).failingSince).not.toBeNull();
    status = 200;
    await failures(1);
    expect((await endpointRow(id)).failingSince).toBeNull();
  });
});

test('an address that is refused disables the endpoint, with the reason', async () => {
  await bench.close();
  bench = await openDeliveryBench({
    allowHosts: [],
    resolve: async () => [{ address: '127.0.0.1', family: 4 }],
  });
  const { id } = await bench.register({ url: 'https://hooks.example.com/' });
  await bench.publish();
  await bench.deliverDue();
  expect(await endpointRow(id)).toMatchObject({
    disabledCode: 'address_refused',
    disabledReason: expect.stringContaining('127.0.0.1'),
  });
  expect(await sql('SELECT error_kind FROM delivery_attempts')).toEqual([{ error_kind: 'address_refused' }]);
});

test('a URL that only the allow-list of the API allows keeps its delivery waiting, and is not the fault of the endpoint', async () => {
  await bench.close();
  bench = await openDeliveryBench({ allowHosts: [] });
  const { id } = await bench.register({ url: 'http://127.0.0.1:4020/' });
  await bench.publish();
  await bench.deliverDue();
  expect(await endpointRow(id)).toMatchObject({ disabledAt: null, failingSince: null });
  expect(await sql('SELECT FROM delivery_attempts')).toEqual([]);
  expect(await sql('SELECT status, attempts FROM deliveries')).toEqual([{ status: 'pending', attempts: 0 }]);
  const [error] = bench.logged.filter(({ level }) => level === 'error');
  expect(error?.fields.reason).toBe(
    `the URL of the webhook endpoint ${id} was accepted, and this worker does not send to it: 127.0.0.1 is not a public address (loopback). Give the worker the WEBHOOK_ALLOW_HOSTS of the API`,
  );
});

test('a redelivery starts the schedule again, however many attempts came before', async () => {
  const receiver = await startReceiver((response) => response.writeHead(500).end());
  await bench.register({ url: receiver.url });
  await bench.publish();
  await bench.deliverDue();
  await sql('UPDATE jobs SET tries = 9');
  await bench.passTime();
  await bench.deliverDue();
  expect(await sql('SELECT status FROM deliveries')).toEqual([{ status: 'failed' }]);
  await sql(
    "INSERT INTO jobs (kind, lane_id, event_id, delivery_id) SELECT 'deliver_webhook', l.id, d.event_id, d.id FROM lanes l, deliveries d",
  );
  await sql("UPDATE deliveries SET status = 'pending'");
  await bench.deliverDue();
  expect(await sql('SELECT status, attempts FROM deliveries')).toEqual([{ status: 'pending', attempts: 3 }]);
});

describe('a fault of ours', () => {
  const errors = () => bench.logged.filter(({ level }) => level === 'error');
  const delivery = async () =>
    (
      await sql(
        'SELECT d.status, d.attempts, j.tries FROM deliveries d LEFT JOIN jobs j ON j.delivery_id = d.id',
      )
    )[0];

  async function rounds(times: number): Promise<void> {
    for (let time = 0; time < times; time += 1) {
      await bench.passTime();
      await bench.deliverDue();
    }
  }
  /** Makes PostgreSQL refuse rows of a table. */
  const refuse = (table: string, condition: string) =>
    sql(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE check_violation; END';
         CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON ${table} FOR EACH ROW WHEN (${condition}) EXECUTE FUNCTION refuse()`);

  test('a signing secret whose key is missing uses up nothing of the schedule', async () => {
    const receiver = await startReceiver();
    await bench.register({ url: receiver.url });
    await bench.publish();
    const [{ sealed }] = await sql('SELECT sealed FROM webhook_secrets');
    await sql(`UPDATE webhook_secrets SET sealed = replace(sealed, 'test.', 'gone.')`);
    await rounds(12);
    expect(receiver.received).toEqual([]);
    expect(await delivery()).toEqual({ status: 'pending', attempts: 0, tries: 0 });
    expect(errors()).toHaveLength(12);
    expect(errors()[0]?.fields.reason).toMatch(/^the key 'gone' that sealed webhook_secret:/);
    expect(await sql('SELECT failures FROM lanes')).toEqual([{ failures: 0 }]);

    await sql(`UPDATE webhook_secrets SET sealed = '${sealed}'`);
    await rounds(1);
    expect(receiver.received).toHaveLength(1);
    expect(await delivery()).toEqual({ status: 'delivered', attempts: 1, tries: null });
  });

  test('words of the receiver that the database refuses are left out', async () => {
    const receiver = await startReceiver((response) => response.writeHead(200).end('thanks'));
    await bench.register({ url: receiver.url });
    await bench.publish();
    await refuse('delivery_attempts', 'NEW.excerpt IS NOT NULL');
    await rounds(2);
    expect(receiver.received).toHaveLength(1);
    expect(await delivery()).toEqual({ status: 'delivered', attempts: 1, tries: null });
    expect(errors()).toHaveLength(1);
  });

  test('an end that cannot be recorded is seen, and after ten in a row the delivery has failed', async () => {
    const receiver = await startReceiver();
    await bench.register({ url: receiver.url });
    await bench.publish();
    await refuse('deliveries', `NEW.status = 'delivered'`);
    await rounds(9);
    expect(await delivery()).toEqual({ status: 'pending', attempts: 0, tries: 0 });
    expect(errors().map(({ fields }) => fields.count)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    await rounds(2);
    expect(await delivery()).toEqual({ status: 'failed', attempts: 0, tries: null });
    expect(receiver.received).toHaveLength(10);
  });
});
