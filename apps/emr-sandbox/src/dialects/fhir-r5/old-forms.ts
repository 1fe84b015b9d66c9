import { Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import {
  ConceptsSchema,
  changeOf,
  LocationSchema,
  locationOf,
  methodsOf,
  PatientSchema,
  type PracticeResource,
  patientOf,
} from '../../fhir/practice-resources.ts';
import type { LedgerLine } from '../../ledger.ts';
import { SEEDED_AT } from '../../patients/patient.ts';
import type { PracticeSeed } from '../../practice.ts';
import { postingOf, type StoredResource } from './posting-resource.ts';

/** Lines of version 0.0.0, when the sandbox knew only FHIR R5. They hold whole resources. */
type OldLine =
  | { kind: 'posting'; seq: number; resource: StoredResource }
  | { kind: 'resource'; resource: PracticeResource };

function isOld(line: unknown): line is OldLine {
  return typeof line === 'object' && line !== null && 'resource' in line;
}

/** Turns a line of the old form into the current one, and returns any other line as it is. */
export function upgradeLine(line: unknown): unknown {
  if (!isOld(line)) return line;
  if (line.kind === 'resource') return changeOf(line.resource, SEEDED_AT) satisfies LedgerLine;
  const { seq, resource } = line;
  return {
    kind: 'posting',
    seq,
    id: resource.id,
    receivedAt: resource.meta.lastUpdated,
    posting: postingOf(resource),
    document: resource,
  } satisfies LedgerLine;
}

/** Seed files of version 0.0.0: patients and locations are FHIR resources. */
const OldSeedSchema = Type.Object({
  patients: Type.Array(PatientSchema),
  locations: Type.Array(LocationSchema),
  payment_methods: ConceptsSchema,
});

/** Turns a seed of the old form into the current one, and returns any other value as it is. */
export function upgradeSeed(seed: unknown): unknown {
  if (!Value.Check(OldSeedSchema, seed)) return seed;
  return {
    patients: seed.patients.map((patient) => patientOf(patient)),
    locations: seed.locations.map(locationOf),
    payment_methods: methodsOf(seed.payment_methods),
  } satisfies PracticeSeed;
}
