import { Type } from '@sinclair/typebox';

/**
 * The settings that every adapter takes, beside those of its dialect: they say what this service does with a connection, and no dialect
 * gets them (`openAdapter`).
 */
export const SERVICE_SETTINGS = Type.Object({
  sync_hours: Type.Integer({
    minimum: 0,
    maximum: 720,
    default: 24,
    description:
      'hours between two syncs of patients, payment methods and locations with the EMR; 0: only when the integrator asks for one',
  }),
  lookup_patients: Type.Boolean({
    default: true,
    description:
      'true: a payment for an MRN that is not known makes this service ask the EMR for the patient, where the adapter can search. Set it to false where patients come from a file only',
  }),
});

/** How long one whole exchange with the EMR may take. */
export const timeoutMs = (usual: number) =>
  Type.Integer({
    minimum: 100,
    maximum: 300_000,
    default: usual,
    description: 'milliseconds for one whole exchange, answer included',
  });

/** How long after a send whose answer was lost nothing that is missing proves anything. */
export const settleMs = (usual: number) =>
  Type.Integer({
    minimum: 0,
    maximum: 3_600_000,
    default: usual,
    description:
      'milliseconds that the EMR may still need to show an entry after a send whose answer was lost',
  });

/** How long an EMR that accepts first may take. */
export const confirmWithinMs = () =>
  Type.Integer({
    minimum: 1000,
    maximum: 2_592_000_000,
    default: 86_400_000,
    description:
      'milliseconds that the EMR may take to post what it has accepted for later (HTTP 202), before a person has to look',
  });
