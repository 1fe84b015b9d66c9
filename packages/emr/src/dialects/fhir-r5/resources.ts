import { type Static, type TSchema, Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';

const Identifiers = Type.Optional(
  Type.Array(Type.Object({ system: Type.Optional(Type.String()), value: Type.Optional(Type.String()) })),
);
const Id = Type.String({ pattern: '^[A-Za-z0-9.-]{1,64}$' });

/** The parts of FHIR R5 resources that we read. Everything else in them is ignored. */
export const BundleSchema = Type.Object({
  resourceType: Type.Literal('Bundle'),
  type: Type.Literal('searchset'),
  link: Type.Optional(Type.Array(Type.Object({ relation: Type.String(), url: Type.String() }))),
  entry: Type.Optional(Type.Array(Type.Object({ resource: Type.Optional(Type.Unknown()) }))),
});
export const PaymentReconciliationSchema = Type.Object({
  resourceType: Type.Literal('PaymentReconciliation'),
  id: Id,
  identifier: Identifiers,
  created: Type.Optional(Type.String()),
});
export const LocationSchema = Type.Object({
  resourceType: Type.Literal('Location'),
  id: Id,
  identifier: Identifiers,
  name: Type.Optional(Type.String()),
  status: Type.Optional(Type.String()),
});
const ConceptSchema = Type.Object({ code: Type.String(), display: Type.Optional(Type.String()) });
export const CodeSystemSchema = Type.Object({
  resourceType: Type.Literal('CodeSystem'),
  concept: Type.Array(ConceptSchema),
});
export const ValueSetSchema = Type.Object({
  resourceType: Type.Literal('ValueSet'),
  compose: Type.Object({
    include: Type.Array(
      Type.Object({
        system: Type.Optional(Type.String()),
        concept: Type.Optional(Type.Array(ConceptSchema)),
      }),
    ),
  }),
});
export const ExpansionSchema = Type.Object({
  resourceType: Type.Literal('ValueSet'),
  expansion: Type.Object({
    contains: Type.Optional(
      Type.Array(Type.Composite([ConceptSchema, Type.Object({ system: Type.Optional(Type.String()) })])),
    ),
  }),
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
  ),
});
export type OperationOutcome = Static<typeof OperationOutcomeSchema>;

/** The value, typed by the schema; null when it does not match. */
export function as<T extends TSchema>(schema: T, value: unknown): Static<T> | null {
  return Value.Check(schema, value) ? value : null;
}

/** Parses an answer's body; null when it is not JSON or does not match the schema. */
export function parseAs<T extends TSchema>(schema: T, body: string): Static<T> | null {
  if (body === '') return null;
  try {
    return as(schema, JSON.parse(body));
  } catch {
    return null;
  }
}

/** The resources of one kind in a Bundle. */
export function entriesOf<T extends TSchema>(bundle: Static<typeof BundleSchema>, schema: T): Static<T>[] {
  return (bundle.entry ?? []).flatMap(({ resource }) => as(schema, resource) ?? []);
}
