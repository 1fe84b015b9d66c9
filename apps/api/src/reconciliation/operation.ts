import {
  ReconciliationQuerySchema,
  type ReconciliationReply,
  ReconciliationReplySchema,
} from '@emr-payments/contracts';
import { Type } from '@sinclair/typebox';
import { componentRef } from '../openapi/component-ref.ts';
import { ANSWER_HEADERS, errorResponses, USER_ERRORS, USER_SECURITY } from '../openapi/error-responses.ts';

const row = (counts: number[], amounts: number[]) => ({
  accepted: { count: counts[0] ?? 0, amount: amounts[0] ?? 0 },
  posted: { count: counts[1] ?? 0, amount: amounts[1] ?? 0 },
  failed: { count: counts[2] ?? 0, amount: amounts[2] ?? 0 },
  needs_review: { count: counts[3] ?? 0, amount: amounts[3] ?? 0 },
  open: { count: counts[4] ?? 0, amount: amounts[4] ?? 0 },
});

export const RECONCILIATION_EXAMPLE: ReconciliationReply = {
  success: true,
  message: 'Payments of 2026-06-15.',
  data: {
    date: '2026-06-15',
    location: null,
    archived_before: null,
    methods: [
      { payment_method: 'Card', ...row([12, 10, 1, 0, 1], [4200.5, 3750.5, 100, 0, 350]) },
      { payment_method: 'Cash', ...row([3, 3, 0, 0, 0], [60, 60, 0, 0, 0]) },
    ],
    totals: row([15, 13, 1, 0, 1], [4260.5, 3810.5, 100, 0, 350]),
  },
};

export const reconciliationOperation = {
  operationId: 'getReconciliation',
  tags: ['Reconciliation'],
  summary: 'Total the payments of a day',
  description: [
    'The payments of one deposit date by payment method, with their state now: for comparing with the day sheet of the EMR. ' +
      '`accepted` counts all of them; `posted`, `failed`, `needs_review` and `open` add up to it.',
    'With `Accept: text/csv` or `format=csv` the answer is CSV: a line for each method and one for the total. Cells that a ' +
      'spreadsheet could run as a formula begin with an apostrophe. `bom=true` adds a byte order mark, so that Excel reads ' +
      'the file as UTF-8.',
  ].join('\n\n'),
  security: USER_SECURITY,
  querystring: ReconciliationQuerySchema,
  response: {
    200: {
      description: 'The day',
      headers: ANSWER_HEADERS,
      content: {
        'application/json': {
          schema: componentRef(ReconciliationReplySchema),
          example: RECONCILIATION_EXAMPLE,
        },
        'text/csv': { schema: Type.String() },
      },
    },
    ...errorResponses([...USER_ERRORS, 'read_too_costly']),
  },
};

/** The rules of the query's fields, for the sentence that names a bad one. */
export const RECONCILIATION_RULES = {
  date: 'must be a date in YYYY-MM-DD format',
  location: 'must be 1 to 255 characters',
  format: 'must be json or csv',
  bom: 'must be true or false',
};
