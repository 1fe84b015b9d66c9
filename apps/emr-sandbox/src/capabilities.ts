import { type Static, Type } from '@sinclair/typebox';

export const CapabilitiesSchema = Type.Object(
  {
    /** false: the sandbox ignores a create's condition (`If-None-Exist` in FHIR), like an EMR without that feature. */
    conditional_create: Type.Boolean(),
    /** false: the sandbox refuses to search postings. */
    search: Type.Boolean(),
    /** The sandbox refuses postings dated before this day. */
    books_closed_before: Type.Union([Type.Null(), Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$' })]),
    /** US dollars that every patient owed at first. A dialect whose EMR takes no payment above the balance refuses what is above the rest. */
    patient_owes: Type.Optional(Type.Number({ minimum: 0 })),
  },
  { additionalProperties: false },
);

export type CapabilitySet = Static<typeof CapabilitiesSchema>;
/** The current capabilities of this EMR. A caller may change them while the sandbox runs. */
export type Capabilities = { current: CapabilitySet };
