import { afterAll, beforeAll } from 'vitest';
import { conformance } from '../../conformance/conformance.ts';
import { patientMistakes } from '../../conformance/patient-mistakes.ts';
import { nexhealthUnderTest } from './under-test.fixture.ts';

const emr = nexhealthUnderTest();
beforeAll(async () => {
  await emr.start();
  // The wrong lists ask for patients more often than NexHealth permits in a minute.
  const raised = await fetch(`${emr.sandbox().baseUrl}/sandbox/pace`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ limits: 'raised' }),
  });
  if (!raised.ok) throw new Error(await raised.text());
});
afterAll(() => emr.stop());
conformance(emr);
patientMistakes(emr);
