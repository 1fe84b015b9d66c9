import { REFUSALS, runAgainstServer } from '../../../fhir/testing/run-against-server.ts';
import { FIXED, LISTED } from '../under-test.fixture.ts';
import { serverUnderTest } from './server-under-test.ts';

runAgainstServer([LISTED, FIXED, { ...LISTED, conditional_create: false }], (server, settings) =>
  serverUnderTest(server, { settings, refusals: REFUSALS }),
);
