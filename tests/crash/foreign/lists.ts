import { LOCATIONS, METHODS } from '../practice-data.ts';
import type { Json } from './ledger.ts';

/** The practice's payment methods, as `ValueSet/$expand` answers. */
export const METHOD_LIST: Json = {
  resourceType: 'ValueSet',
  expansion: {
    contains: METHODS.map((name) => ({
      system: 'urn:emr-payments:payment-method',
      code: name.toUpperCase().replace(' ', '-'),
      display: name,
    })),
  },
};

/** The practice's locations, as a search answers. */
export const LOCATION_LIST: Json = {
  resourceType: 'Bundle',
  type: 'searchset',
  entry: LOCATIONS.map((identifier) => ({
    resource: {
      resourceType: 'Location',
      id: `loc-${identifier}`,
      name: `Location ${identifier}`,
      identifier: [{ value: identifier }],
    },
  })),
};
