import { sentence } from '@emr-payments/contracts';
import type { CallOptions } from '../calls.ts';
import { judgePatients } from '../judge-patients.ts';
import type { FindPatientOutcome } from '../patients.ts';
import type { PatientTrouble } from '../trouble.ts';
import { mayCarry, mrnsOf, type Patient, PatientSchema, type PatientServer, stateOf } from './patient.ts';
import { readResource } from './read.ts';
import { evidenceOf, searchIdentifier } from './search-identifier.ts';

/** A record that was merged again and again: more than this is a mistake of the EMR. */
const MOST_MERGES = 5;

const CLOSED = {
  closed: sentence`The patient's record is not active in the EMR.`,
  merged: sentence`The patient's record was merged into another one, and the EMR does not say into which.`,
} as const;

type Unavailable = { outcome: 'unavailable' } & PatientTrouble;
/** The record to which payments for another one belong, with the state in which it is. */
type Survivor = { id: string; state: 'active' | 'closed' | 'merged' };

/** Reads one patient by the id that a link of the EMR names. */
async function readPatient(
  server: PatientServer,
  id: string,
  { signal }: CallOptions,
): Promise<Patient | Unavailable> {
  const path = `Patient/${encodeURIComponent(id)}`;
  const read = await readResource(server, { path, schema: PatientSchema, signal, unshared: true });
  if (!read.ok) return { outcome: 'unavailable', ...read.trouble };
  if (read.freshness.servedFromCache) {
    const detail = sentence`The EMR's answer may be older than our request.`;
    return { outcome: 'unavailable', code: 'answer_cached', detail };
  }
  if (read.value.id === id) return read.value;
  const detail = sentence`The EMR's answer is not the patient that was requested.`;
  return { outcome: 'unavailable', code: 'answer_not_understood', detail };
}

/**
 * Follows a record to the one that replaced it.
 *
 * @param input.known records that were read already, by id.
 */
async function survivorOf(
  server: PatientServer,
  { patient, known }: { patient: Patient; known: ReadonlyMap<string, Patient> },
  options: CallOptions,
): Promise<Survivor | Unavailable> {
  let current = patient;
  for (let merges = 0; merges < MOST_MERGES; merges += 1) {
    const { id } = current;
    const was = stateOf(current, server.session.baseUrl);
    if (was.state !== 'merged') return { id, state: was.state };
    if (was.into === null) return { id, state: 'merged' };
    const next = known.get(was.into) ?? (await readPatient(server, was.into, options));
    if ('outcome' in next) return next;
    current = next;
  }
  return { id: current.id, state: 'merged' };
}

/**
 * Looks for the patient who has an MRN of the practice's system, among the active and the inactive. A record that the EMR has merged into
 * another one leads to that one.
 */
export async function findPatient(
  server: PatientServer,
  { mrn }: { mrn: string },
  options: CallOptions,
): Promise<FindPatientOutcome> {
  const { mrnSystem: system, largestPage } = server;
  const search = { type: 'Patient', schema: PatientSchema, system, value: mrn, largestPage };
  const result = await searchIdentifier(server, search, options);
  if (!result.ok) return { outcome: 'unavailable', ...result.trouble };
  const { value: matches, facts } = result;
  const known = new Map(matches.map((patient) => [patient.id, patient]));
  const survivors = new Map<string, Survivor>();
  for (const patient of matches.filter((each) => mrnsOf(each, system).includes(mrn))) {
    const survivor = await survivorOf(server, { patient, known }, options);
    if ('outcome' in survivor) return survivor;
    survivors.set(survivor.id, survivor);
  }
  const honoured = matches.every((patient) => mayCarry(patient, { system, value: mrn }));
  const evidence = await evidenceOf(server, { search, facts, matches: matches.length, honoured }, options);
  const judged = judgePatients({ ...evidence, emrPatientIds: [...survivors.keys()] });
  if (judged.outcome !== 'found') return judged;
  const state = survivors.get(judged.emrPatientId)?.state;
  return state === 'closed' || state === 'merged' ? { outcome: 'closed', reason: CLOSED[state] } : judged;
}
