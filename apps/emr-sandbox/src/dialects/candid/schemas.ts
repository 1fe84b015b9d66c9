import { type Static, Type } from '@sinclair/typebox';

// The vendor's API definition: https://docs.joincandidhealth.com, patient payments v4.
const closed = { additionalProperties: false };
const Uuid = Type.String({ pattern: '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' });
/** RFC 3339, with a zone. */
const Instant = Type.String({
  pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(?:\\.\\d{1,9})?(?:Z|[+-]\\d\\d:\\d\\d)$',
});
const Cents = Type.Integer({ minimum: 1 });
/** An object that the vendor knows and this practice has nothing to compare with. */
const Unread = Type.Optional(Type.Object({}));

const TargetSchema = Type.Union([
  Type.Object({ type: Type.Literal('service_line_by_id'), value: Uuid }, closed),
  Type.Object({ type: Type.Literal('claim_by_id'), value: Uuid }, closed),
  Type.Object({ type: Type.Literal('claim_by_encounter_external_id'), value: Type.String() }, closed),
  Type.Object({ type: Type.Literal('billing_provider_by_id'), value: Uuid }, closed),
  Type.Object(
    {
      type: Type.Literal('appointment_by_id_and_patient_external_id'),
      appointment_id: Type.String(),
      patient_external_id: Type.String(),
    },
    closed,
  ),
  Type.Object({ type: Type.Literal('unattributed') }, closed),
]);

const MethodSchema = Type.Union([
  Type.Object({ type: Type.Literal('cash') }, closed),
  Type.Object({ type: Type.Literal('check'), check_number: Type.String() }, closed),
  Type.Object({ type: Type.Literal('card'), authorization_number: Type.Optional(Type.String()) }, closed),
  Type.Object({ type: Type.Literal('money_order'), money_order_serial_number: Type.String() }, closed),
]);
export type Method = Static<typeof MethodSchema>;

const SourceSchema = Type.Union([
  Type.Literal('MANUAL_ENTRY'),
  Type.Literal('PHREESIA'),
  Type.Literal('SHERPA_HEALTH'),
  Type.Literal('LOCKBOX'),
]);

export const CreateSchema = Type.Object(
  {
    amount_cents: Cents,
    patient_external_id: Type.String({ minLength: 1 }),
    allocations: Type.Array(
      Type.Object({ amount_cents: Cents, target: TargetSchema, earmark: Unread }, closed),
      { minItems: 1 },
    ),
    payment_timestamp: Type.Optional(Instant),
    payment_note: Type.Optional(Type.String()),
    invoice: Type.Optional(Uuid),
    payment_method_detail: Type.Optional(
      Type.Object(
        {
          payment_method: MethodSchema,
          collected_at_address: Unread,
          provider_info: Unread,
          organization_service_facility_id: Type.Optional(Uuid),
        },
        closed,
      ),
    ),
    payment_source: Type.Optional(SourceSchema),
    source_internal_id: Type.Optional(Type.String()),
    allocation_restrictions: Type.Optional(
      Type.Array(
        Type.Object(
          {
            restriction_type: Type.Union([
              Type.Literal('billing_provider_npi'),
              Type.Literal('service_facility_id'),
            ]),
            restriction_value: Type.String(),
          },
          closed,
        ),
        { uniqueItems: true },
      ),
    ),
  },
  closed,
);
export type Create = Static<typeof CreateSchema>;

const change = <T extends ReturnType<typeof Type.String>>(value: T) =>
  Type.Union([
    Type.Object({ type: Type.Literal('set'), value }, closed),
    Type.Object({ type: Type.Literal('remove') }, closed),
  ]);
export const UpdateSchema = Type.Object(
  {
    payment_timestamp: Type.Optional(Instant),
    payment_note: Type.Optional(change(Type.String())),
    invoice: Type.Optional(change(Uuid)),
  },
  closed,
);
export type Update = Static<typeof UpdateSchema>;
