import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Bash, startBash, WAYS } from './pages/bash.ts';
import { blocksOf, shellBlocksOf } from './pages/blocks.ts';
import { openPageStack, type PageStack } from './pages/local-stack.ts';

/** docs/guide.md is followed from its first block to its last, in a new bash, against a fresh local stack. */

const STEP = 120_000;
const blocks = shellBlocksOf('docs/guide.md');

type Answer = { code?: string; data: Record<string, unknown> };

/** The JSON answers in the output; each is on a line of its own. */
const answersIn = (printed: string): Answer[] =>
  printed
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Answer);

const posted = (amount: number) => ({
  success: true,
  data: { status: 'posted', amount, emr_transaction_id: expect.stringMatching(/./), failure: null },
});
const tally = (count: number, amount: number) => ({ count, amount });

/** Checks of what each block of the page prints, in order. */
const STEPS: readonly ((printed: string) => void)[] = [
  (printed) => expect(printed).toBe(''),
  (printed) => {
    const [{ data } = { data: {} }] = answersIn(printed);
    expect(data).toMatchObject({ adapter: 'fhir-r5', capability: 'conditional-create' });
    expect(data.payment_methods).toContainEqual(expect.objectContaining({ name: 'Card' }));
  },
  (printed) => {
    const [methods, locations] = answersIn(printed);
    expect(methods?.data.payment_methods).toContainEqual(
      expect.objectContaining({ name: 'Card', usable: true }),
    );
    expect(locations?.data.locations).toContainEqual(expect.objectContaining({ name: expect.any(String) }));
  },
  (printed) =>
    expect(answersIn(printed)).toMatchObject([
      { success: true, data: { would_post: true, payment_method: { name: 'Card' }, dropped_fields: [] } },
    ]),
  (printed) =>
    expect(answersIn(printed)).toMatchObject([
      { success: false, code: 'patient_not_found', request_id: expect.any(String), safe_to_retry: false },
    ]),
  (printed) =>
    expect(answersIn(printed)).toMatchObject([
      {
        success: true,
        data: [{ mrn: 'MRN-12345', emr_patient_id: 'pat-1001', state: 'active' }],
        has_more: false,
      },
    ]),
  (printed) =>
    expect(answersIn(printed)).toMatchObject([
      { success: true, data: { mrn: 'CHART/7', emr_patient_id: 'pat-1001' } },
      { success: true, data: { added: 1 } },
    ]),
  (printed) => expect(printed).toBe(''),
  (printed) =>
    expect(answersIn(printed)).toMatchObject([
      {
        data: { id: expect.stringMatching(/^we_/), secret: expect.stringMatching(/^whsec_/), enabled: true },
      },
    ]),
  (printed) => expect(answersIn(printed)).toMatchObject([{ data: { delivered: true, http_status: 204 } }]),
  (printed) => expect(printed).toBe('401\n'),
  (printed) =>
    expect(answersIn(printed)).toEqual([
      {
        success: true,
        message: 'Payment processing. A webhook event will be sent upon completion.',
        payment_id: expect.stringMatching(/^[0-9a-f]{32}$/),
        job_id: expect.any(Number),
      },
    ]),
  (printed) => {
    expect(printed).toMatch(/^HTTP\/1.1 200 [\s\S]*^idempotent-replayed: true/im);
    expect(answersIn(printed)).toMatchObject([{ success: true, payment_id: expect.any(String) }]);
  },
  (printed) => expect(answersIn(printed)).toMatchObject([posted(350), { data: { status: 'posted' } }]),
  (printed) =>
    expect(answersIn(printed)).toMatchObject([
      {
        object: 'event',
        type: 'payment.created',
        data: { amount: 350, patient_mrn: 'MRN-12345', emr_transaction_id: expect.stringMatching(/./) },
      },
    ]),
  (printed) =>
    expect(answersIn(printed)).toMatchObject([{ data: [{ type: 'payment.created' }], has_more: false }]),
  (printed) =>
    expect(answersIn(printed)).toMatchObject([
      {
        data: {
          status: 'failed',
          emr_transaction_id: null,
          failure: { code: 'unknown_payment_method', reason: expect.stringContaining('Card') },
        },
      },
    ]),
  (printed) => expect(answersIn(printed)).toMatchObject([{ success: true }, posted(40)]),
  (printed) =>
    expect(printed).toMatch(/^The connection of user_\S+ is saved\.$[\s\S]*"kind":"commit_then_500"/m),
  (printed) =>
    expect(answersIn(printed)).toMatchObject([
      { data: { status: 'needs_review', failure: { code: 'outcome_unknown' } } },
    ]),
  (printed) =>
    expect(answersIn(printed)).toMatchObject([{ data: [{ status: 'needs_review', amount: 25.5 }] }]),
  (printed) =>
    expect(answersIn(printed)).toMatchObject([
      { data: { status: 'posted', event_id: expect.stringMatching(/^evt_/) } },
    ]),
  (printed) =>
    expect(answersIn(printed)).toMatchObject([
      {
        data: {
          methods: [
            { payment_method: 'Card', accepted: tally(2, 390), posted: tally(2, 390) },
            { payment_method: 'Cash', accepted: tally(1, 25.5), posted: tally(1, 25.5) },
          ],
          totals: {
            posted: tally(3, 415.5),
            failed: tally(0, 0),
            needs_review: tally(0, 0),
            open: tally(0, 0),
          },
        },
      },
    ]),
  (printed) =>
    expect(printed.replaceAll('\r', '').trim()).toBe(
      blocksOf('docs/guide.md')
        .find(({ language }) => language === 'csv')
        ?.text.trim(),
    ),
  (printed) => expect(printed).toMatch(/^accepted [0-9a-f]{32}\nposted 3 415.5\n$/),
  (printed) => expect(answersIn(printed)).toMatchObject([{ data: { deleted: true } }]),
];

test('the page has as many steps as are checked here', () => {
  expect(blocks).toHaveLength(STEPS.length);
});

describe.each(WAYS)('%s', (way) => {
  let local: PageStack;
  let bash: Bash;

  beforeAll(async () => {
    local = await openPageStack('guide');
    bash = startBash(way, blocks, local.env);
  }, 180_000);
  afterAll(async () => {
    bash?.stop();
    await local?.stop();
  });

  test.each(blocks.map(({ firstLine }, n) => ({ n, firstLine })))(
    '$n: $firstLine',
    { timeout: STEP },
    async ({ n }) => STEPS[n]?.(await bash.outputOf(n)),
  );

  test('the receiver of the page got every event, once', { timeout: STEP }, async () => {
    const log = readFileSync(join(local.folder, 'receiver.log'), 'utf8');
    const events = answersIn(log) as unknown as { type: string; data: { patient_mrn?: string } }[];
    // The payment of the TypeScript example may be posted before or after the endpoint is deleted.
    const types = events.filter(({ data }) => data.patient_mrn !== 'MRN-12348').map(({ type }) => type);
    expect(types.toSorted()).toEqual([
      'payment.created',
      'payment.created',
      'payment.created',
      'payment.failed',
      'payment.review_required',
      'webhook.test',
    ]);
  });
});
