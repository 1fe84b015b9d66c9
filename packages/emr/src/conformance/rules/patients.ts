import { expect } from 'vitest';
import type { EmrAdapter } from '../../adapter.ts';
import type { FindPatientOutcome } from '../../patients.ts';
import { FAULTS, SHORT_MS, UNREACHABLE } from '../faults.ts';
import { quiet, type Rule } from '../rule.ts';
import type { PatientSearch, UnderTest } from '../under-test.ts';

/** Looks for a patient. @throws Error when the adapter has no search: such a rule does not concern it. */
export async function findPatient(adapter: EmrAdapter, mrn: string): Promise<FindPatientOutcome> {
  if (adapter.findPatient === undefined) throw new Error('the adapter has no findPatient');
  return adapter.findPatient({ mrn }, quiet());
}

const fixed = ({ one, closed, nobody }: PatientSearch): Rule[] => [
  {
    name: 'patients: the one patient who has an MRN is found, and nothing is in the outcome but the id',
    async run({ open }) {
      for (const { mrn, emrPatientId } of one)
        expect(await findPatient(open(), mrn)).toEqual({ outcome: 'found', emrPatientId });
    },
  },
  ...nobody.map(
    ({ name, mrn }): Rule => ({
      name: `patients: ${name}: none`,
      async run({ open }) {
        expect(await findPatient(open(), mrn)).toEqual({ outcome: 'none' });
      },
    }),
  ),
  {
    name: 'patients: an MRN that two patients have is several',
    concerns: ({ patients }) => patients?.shared !== undefined,
    async run({ emr, open }) {
      const mrn = (await emr.patients?.shared?.()) ?? '';
      expect(await findPatient(open(), mrn)).toEqual({ outcome: 'several' });
    },
  },
  {
    name: 'patients: a patient to whom no payment should go is closed, with a reason',
    async run({ open }) {
      expect(await findPatient(open(), await closed())).toEqual({
        outcome: 'closed',
        reason: expect.stringMatching(/\.$/),
      });
    },
  },
  {
    name: 'patients: the number of a merged record leads to the record that it is part of now',
    concerns: ({ patients }) => patients?.merged !== undefined,
    async run({ emr, open }) {
      const merged = await emr.patients?.merged?.();
      if (merged === undefined) throw new Error('the EMR does not show what was merged');
      expect(await findPatient(open(), merged.mrn)).toEqual({
        outcome: 'found',
        emrPatientId: merged.emrPatientId,
      });
    },
  },
  {
    name: 'patients: a look-up for a patient sends nothing',
    async run({ emr, server, open }) {
      const before = server.seen.length;
      await findPatient(open(), one[0].mrn);
      const sent = server.seen.slice(before);
      expect(sent).not.toEqual([]);
      expect(sent.filter((request) => emr.isSend(request))).toEqual([]);
    },
  },
];

const faulty = ({ one: [{ mrn, emrPatientId }] }: PatientSearch): Rule[] => [
  ...FAULTS.map((fault): Rule => {
    const believed = fault.find.includes('found');
    return {
      name: `patients, ${fault.name}: ${believed ? 'found or unavailable' : 'unavailable'}, never none`,
      async run({ server, open }) {
        const adapter = open(fault.endsByTimeout ? { timeoutMs: SHORT_MS } : {});
        fault.arm(server);
        const found = await findPatient(adapter, mrn);
        if (believed && found.outcome === 'found') expect(found.emrPatientId).toBe(emrPatientId);
        else expect(found.outcome).toBe('unavailable');
      },
    };
  }),
  ...UNREACHABLE.map(
    ({ name, urlOf }): Rule => ({
      name: `patients, ${name}: unavailable, never none`,
      async run({ server, open }) {
        const found = await findPatient(open({ baseUrl: urlOf(server) }), mrn);
        expect(found.outcome).toBe('unavailable');
      },
    }),
  ),
];

/** An answer that proves nothing proves it for a patient who is there, and for one who is not. */
const unproven = ({ one: [{ mrn }], nobody: [{ mrn: nobodys }], unclear }: PatientSearch): Rule[] => [
  ...[
    ...unclear,
    {
      name: 'an answer from a cache',
      change: (answer: Parameters<(typeof unclear)[number]['change']>[0]) => ({
        ...answer,
        headers: { ...answer.headers, age: '60' },
      }),
    },
  ].map(
    ({ name, change }): Rule => ({
      name: `patients: ${name}: unavailable, neither found nor none`,
      async run({ server, open }) {
        server.changeAnswers(change);
        expect((await findPatient(open(), mrn)).outcome).toBe('unavailable');
        expect((await findPatient(open(), nobodys)).outcome).toBe('unavailable');
      },
    }),
  ),
];

/**
 * Rules for an adapter that looks for patients: money goes to whom it finds. @throws Error when the server's description does not say
 * which patients it has.
 */
export function patientRules({ patients }: UnderTest, adapter: EmrAdapter): readonly Rule[] {
  if (adapter.findPatient === undefined) return [];
  if (patients === undefined) throw new Error('an adapter with findPatient needs `patients` in UnderTest');
  const isOwnId = patients.one.every(({ mrn, emrPatientId }) => mrn === emrPatientId);
  if (isOwnId === (patients.shared !== undefined))
    throw new Error('`patients.shared` is absent exactly where the MRN is the id of the patient in the EMR');
  return [...fixed(patients), ...faulty(patients), ...unproven(patients)];
}
