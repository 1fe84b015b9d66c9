import { smartTests } from '../../fhir/testing/smart-tests.ts';
import { fhirR4 } from './adapter.ts';

smartTests({
  dialect: fhirR4,
  path: '/fhir/r4',
  names: { method: { id: 'card', name: 'card' }, location: { id: '', name: '1404' } },
});
