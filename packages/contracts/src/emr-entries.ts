import { Type } from '@sinclair/typebox';
import { nullable } from './replies.ts';

/** An entry of a list that the EMR keeps: a payment method or a location. */
export const EmrEntry = Type.Object(
  {
    id: Type.String({ description: "The EMR's own id." }),
    name: Type.String({ description: 'Its name in the EMR.' }),
  },
  { title: 'EmrEntry', description: 'A payment method or a location of the EMR.' },
);

export const UsableMethod = Type.Object(
  {
    ...EmrEntry.properties,
    usable: Type.Boolean({
      description:
        'false: a payment with this method is refused (`method_needs_data`) before anything is sent, because of `needs`.',
    }),
    needs: nullable(
      Type.String({
        description: 'What the EMR demands for it and nothing supplies; null where it is usable.',
      }),
    ),
  },
  { title: 'EmrMethod', description: 'A payment method of the EMR.' },
);

export const LocationEntry = Type.Object(
  {
    ...EmrEntry.properties,
    identifiers: Type.Array(Type.String(), {
      description: 'Further identifiers that `location` can take for it.',
    }),
  },
  { title: 'EmrLocation', description: 'A location of the EMR.' },
);
