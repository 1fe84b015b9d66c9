import { type Static, Type } from '@sinclair/typebox';

/** A record as one dialect received it, as text. Only that dialect reads it. */
export const DocumentSchema = Type.Object({ dialect: Type.String(), text: Type.String() });
export const IdSchema = Type.String({ pattern: '^[A-Za-z0-9.-]{1,64}$' });

export const STATUSES = ['active', 'inactive', 'archived', 'deceased', 'deleted'] as const;
export type PatientStatus = (typeof STATUSES)[number];
export const StatusSchema = Type.Union(STATUSES.map((status) => Type.Literal(status)));
export const DaySchema = Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$' });

export const PatientSchema = Type.Object({
  id: IdSchema,
  mrn: Type.Optional(Type.String()),
  given: Type.Optional(Type.String()),
  family: Type.Optional(Type.String()),
  birthDate: Type.Optional(DaySchema),
  /** `active` where it is missing. */
  status: Type.Optional(StatusSchema),
  /** The id of the patient that this one was merged into. */
  mergedInto: Type.Optional(IdSchema),
  /** The ISO instant of the last change; `SEEDED_AT` where it is missing. */
  updatedAt: Type.Optional(Type.String()),
  document: Type.Optional(DocumentSchema),
});
export type Patient = Static<typeof PatientSchema>;

/** The update time of a practice's first records, the same at every start. */
export const SEEDED_AT = '2026-01-01T00:00:00.000Z';

export const statusOf = ({ status = 'active' }: Patient): PatientStatus => status;
export const updatedAtOf = ({ updatedAt = SEEDED_AT }: Patient): string => updatedAt;
/** False for a patient that was deleted or merged into another: it takes no payment, and most lists leave it out. */
export const isOnFile = (patient: Patient): boolean =>
  statusOf(patient) !== 'deleted' && patient.mergedInto === undefined;
