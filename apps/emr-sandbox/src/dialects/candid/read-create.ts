import type { Static, TSchema } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import type { Practice } from '../../practice.ts';
import { notFound, unprocessable } from './problem.ts';
import { type Create, CreateSchema } from './schemas.ts';

/** Checks a body against the vendor's definition; a member that it does not have is refused. @throws CandidProblem */
export function readAs<T extends TSchema>(schema: T, body: unknown): Static<T> {
  const problem = Value.Errors(schema, body).First();
  if (problem === undefined) return body as Static<T>;
  throw unprocessable(`${problem.path.slice(1).replaceAll('/', '.') || 'body'}: ${problem.message}`);
}

/** The id that a target names; this practice has no claims, service lines, providers or appointments. */
function targetId({ target }: Create['allocations'][number]): string | null {
  if (target.type === 'unattributed') return null;
  return target.type === 'appointment_by_id_and_patient_external_id' ? target.appointment_id : target.value;
}

/** Checks a create: its form (422), then what it names (404), then the practice's rules (422). @throws CandidProblem */
export function readCreate(
  { practice, booksClosedBefore }: { practice: Practice; booksClosedBefore: string | null },
  body: unknown,
): Create {
  const create = readAs(CreateSchema, body);
  if (practice.patients.get(create.patient_external_id) === undefined)
    throw notFound(create.patient_external_id);
  for (const allocation of create.allocations) {
    const id = targetId(allocation);
    if (id !== null) throw notFound(id);
  }
  const allocated = create.allocations.reduce((sum, { amount_cents }) => sum + amount_cents, 0);
  if (allocated !== create.amount_cents)
    throw unprocessable('The allocations must add up to the amount of the payment.');
  const day = create.payment_timestamp?.slice(0, 10);
  if (day !== undefined && Number.isNaN(Date.parse(create.payment_timestamp ?? '')))
    throw unprocessable('payment_timestamp: is not a time');
  if (day !== undefined && booksClosedBefore !== null && day < booksClosedBefore)
    throw unprocessable(`The books are closed before ${booksClosedBefore}.`);
  return create;
}
