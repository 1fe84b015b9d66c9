import { wrongEvidence } from './evidence.ts';
import { wrongFields } from './fields.ts';
import { wrongLookUps } from './look-up.ts';
import { wrongMethodData } from './method-data.ts';
import { wrongNamesAndChecks } from './names-and-checks.ts';
import { wrongOutcomes } from './outcomes.ts';
import { wrongPatientLists } from './patient-list.ts';
import { wrongPatientSearches } from './patients.ts';
import { wrongSending } from './sending.ts';
import { wrongWords } from './words.ts';
import type { WrongAdapter } from './wrong-adapter.ts';

/** One deliberately wrong adapter, or more, for each rule of the suite: they prove that the rules notice mistakes. */
export function wrongAdapters(): readonly WrongAdapter[] {
  return [
    ...wrongFields,
    ...wrongOutcomes,
    ...wrongNamesAndChecks,
    ...wrongMethodData,
    ...wrongLookUps,
    ...wrongEvidence,
    ...wrongWords,
    ...wrongPatientSearches,
    ...wrongPatientLists,
    ...wrongSending(),
  ];
}
