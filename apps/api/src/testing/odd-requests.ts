import { JSON_VALUES, UNSTORABLE_IN_JSON, UNUSUAL } from '@emr-payments/testkit';
import { expect } from 'vitest';
import type { DocumentedOperation } from './documented-operations.ts';

type Answer = { status: number; body: string };

/**
 * Fails unless the request was answered, by us, without an error of ours; a refusal must have the shape of all refusals. An EMR and a
 * receiver that cannot be reached are the only reasons for a 5xx.
 */
export function expectManners({ status, body }: Answer, what: string): void {
  if (status === 502) expect(body, what).toContain('"code":"emr_unavailable"');
  else expect(status, `${what}: ${body}`).toBeLessThan(500);
  if (status < 400) return;
  const { hint = '', ...error } = JSON.parse(body);
  expect(hint, what).toEqual(expect.any(String));
  expect(error, what).toEqual({
    success: false,
    message: expect.not.stringContaining('undefined'),
    code: expect.stringMatching(/^[a-z_]+$/),
    request_id: expect.any(String),
    safe_to_retry: expect.any(Boolean),
  });
}

/** The same, and the request is refused with a 400 that names the field. */
export function expectNamed(answer: Answer, { what, field }: { what: string; field: string }): void {
  expectManners(answer, what);
  expect([answer.status, answer.body], what).toEqual([400, expect.stringContaining(`field: ${field} (`)]);
}

/** Runs a check for every operation and names the ones that fail, all together. */
export async function forEveryOperation(
  operations: readonly DocumentedOperation[],
  check: (operation: DocumentedOperation, name: string) => Promise<void>,
): Promise<void> {
  expect(operations.length).toBeGreaterThan(10);
  const failures: string[] = [];
  for (const operation of operations) {
    const name = `${operation.method} ${operation.path}`;
    await check(operation, name).catch((error: Error) => failures.push(`${name}: ${error.message}`));
  }
  expect(failures).toEqual([]);
}

const VALUES = [
  ...JSON_VALUES,
  ...UNUSUAL.map((each) => JSON.stringify(each)),
  ...UNSTORABLE_IN_JSON.map((each) => JSON.stringify([each, { [each]: each }])),
];
const ODD_NAMES = ['x', '\0', '\ud800', '__proto__', 'constructor', ''];
const NO_OBJECTS = [
  ...['', '"\\ud800"', '[]', 'null', '1e400', '{"a":1,"a":2}', '\ufeff{}', '{', '\0', '[{}]'],
];

/** Writes the odd bodies of an operation: an odd value for each field, odd fields, and what is no object. */
export function* oddBodies({ body }: Pick<DocumentedOperation, 'body'>): Generator<string> {
  const { fields, example } = body ?? { fields: ['x'], example: {} };
  const pairs = [
    ...fields.flatMap((field) => VALUES.map((value) => ({ field, value }))),
    ...ODD_NAMES.flatMap((field) => ['1', '"\\u0000"', '{"\\ud800":[]}'].map((value) => ({ field, value }))),
  ];
  for (const { field, value } of pairs) {
    const { [field]: _left, ...others } = example as Record<string, unknown>;
    const rest = JSON.stringify(others).slice(1, -1);
    yield `{${rest}${rest === '' ? '' : ','}${JSON.stringify(field)}:${value}}`;
  }
  yield* NO_OBJECTS;
}
