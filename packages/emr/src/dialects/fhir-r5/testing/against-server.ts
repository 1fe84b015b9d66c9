import { runAgainstServer } from '../../../fhir/testing/run-against-server.ts';
import { serverUnderTest } from './server-under-test.ts';

runAgainstServer([{}, { search: false }, { conditional_create: false }], serverUnderTest);
