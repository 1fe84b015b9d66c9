import { parseStrictJson } from '@emr-payments/runtime';
import { type Static, type TSchema, Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import { ID_PATTERN } from './entry-id.ts';
import type { PaymentResource } from './payment-resource.ts';

const Identifiers = Type.Optional(
  Type.Array(Type.Object({ system: Type.Optional(Type.String()), value: Type.Optional(Type.String()) })),
);
const Id = Type.String({ pattern: ID_PATTERN });

export const MetaSchema = Type.Object({ lastUpdated: Type.Optional(Type.String()) });

/** The parts of FHIR resources that we read. Everything else in them is ignored. */
export const BundleSchema = Type.Object({
  resourceType: Type.Literal('Bundle'),
  type: Type.Literal('searchset'),
  meta: Type.Optional(MetaSchema),
  total: Type.Optional(Type.Integer({ minimum: 0 })),
  link: Type.Optional(
    Type.Array(Type.Object({ relation: Type.String(), url: Type.Optional(Type.String()) })),
  ),
  /** Unknown on purpose: an entry that does not fit is counted and named, and does not make the whole answer unreadable. */
  entry: Type.Optional(Type.Array(Type.Unknown())),
  /** R5: an OperationOutcome about the whole Bundle. */
  issues: Type.Optional(Type.Unknown()),
});
export const EntrySchema = Type.Object({
  fullUrl: Type.Optional(Type.String()),
  search: Type.Optional(Type.Object({ mode: Type.Optional(Type.String()) })),
  resource: Type.Object({ resourceType: Type.String() }),
});
/** Any resource at all: the answer is FHIR, and not a gateway's page. */
export const AnyResourceSchema = Type.Object({ resourceType: Type.String() });
/** All that a create's answer must hold to name the entry. */
export const createdSchema = <T extends PaymentResource['type'] | 'Patient'>(type: T) =>
  Type.Object({ resourceType: Type.Literal(type), id: Id });
export const paymentSchema = (type: PaymentResource['type']) =>
  Type.Object({
    ...createdSchema(type).properties,
    identifier: Identifiers,
    created: Type.Optional(Type.String()),
  });
export type Payment = Static<ReturnType<typeof paymentSchema>>;

/** True when the entry has our payment id as an identifier of our system. */
export function carriesOurId(
  { identifier = [] }: Payment,
  { system, paymentId }: { system: string; paymentId: string },
): boolean {
  return identifier.some((each) => each.system === system && each.value === paymentId);
}

export const LocationSchema = Type.Object({
  resourceType: Type.Literal('Location'),
  id: Id,
  identifier: Identifiers,
  name: Type.Optional(Type.String()),
  status: Type.Optional(Type.String()),
  /** `kind` is no place, but a kind of places. */
  mode: Type.Optional(Type.String()),
});
export const OperationOutcomeSchema = Type.Object({
  resourceType: Type.Literal('OperationOutcome'),
  issue: Type.Array(
    Type.Object({
      severity: Type.Optional(Type.String()),
      code: Type.Optional(Type.String()),
      details: Type.Optional(Type.Object({ text: Type.Optional(Type.String()) })),
      diagnostics: Type.Optional(Type.String()),
      expression: Type.Optional(Type.Array(Type.String())),
    }),
    // One without issues says nothing that can be understood.
    { minItems: 1 },
  ),
});
export type OperationOutcome = Static<typeof OperationOutcomeSchema>;

/** The value, typed by the schema; null when it does not match. */
export function as<T extends TSchema>(schema: T, value: unknown): Static<T> | null {
  return Value.Check(schema, value) ? value : null;
}

/**
 * Parses an answer's body; null when it is not JSON, does not match the schema, or has a member twice. FHIR has no null: a
 * member that is null is one that is missing.
 */
export function parseAs<T extends TSchema>(schema: T, body: string): Static<T> | null {
  if (body === '') return null;
  try {
    return as(schema, parseStrictJson(body, { dropNull: true }));
  } catch {
    return null;
  }
}
