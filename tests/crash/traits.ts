import type { Capability, EmrTraits } from './records.ts';

/** Describes the EMRs of the suite that speak FHIR R5. */
export const traitsOf = (capability: Capability): EmrTraits => ({
  group: capability,
  canBeAsked: capability !== 'none' && capability !== 'foreign',
  keyless: false,
  splits: false,
  mayNotName: false,
  drops: [],
  referenceInNotes: false,
});
