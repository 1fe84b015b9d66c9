import type { PatientIdReader } from '../../dialect.ts';

/** NexHealth's own patient id (`id` of `GET /patients`): a whole number. The practice's number is `foreign_id` there, and is no id here. */
export const readPatientId: PatientIdReader = (text) =>
  /^[1-9]\d{0,14}$/.test(text)
    ? { ok: true, id: text }
    : { ok: false, problem: 'is not a NexHealth patient id, which is a whole number' };
