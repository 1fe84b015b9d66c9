import { cleanText } from '@emr-payments/runtime';
import type { EmrCode, EmrLists } from '../lists.ts';
import { isUsableId } from '../usable-id.ts';

const clean = <T extends EmrCode>({ id, name, ...rest }: T) => ({
  ...rest,
  id,
  name: cleanText(name).trim() || id,
});

/**
 * Cleans the names of an EMR's lists, which go into our sentences, our tables and back to the EMR. An entry whose id is none
 * is left out: a payment that named it could not be posted.
 */
export function cleanLists({ methods, locations, ...rest }: EmrLists): EmrLists {
  return {
    ...rest,
    methods: methods.filter(({ id }) => isUsableId(id)).map(clean),
    locations: locations
      .filter(({ id }) => isUsableId(id))
      .map(clean)
      .map(({ identifiers, ...location }) => ({
        ...location,
        identifiers: identifiers.map((each) => cleanText(each).trim()).filter((each) => each !== ''),
      })),
  };
}
