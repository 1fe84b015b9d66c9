import { afterAll, beforeAll } from 'vitest';
import { conformance } from '../../conformance/conformance.ts';
import { nexhealthUnderTest } from './under-test.fixture.ts';

const emr = nexhealthUnderTest();
beforeAll(() => emr.start());
afterAll(() => emr.stop());
conformance(emr);
