import { type Static, Type } from '@sinclair/typebox';
import { LocationEntry, UsableMethod } from './emr-entries.ts';
import { nullable, replyOf, timeOf } from './replies.ts';

const SYNCED_AT = nullable(
  timeOf(
    'When the list was read from the EMR last; null when it never was: the first sync comes soon after the connection is set up.',
  ),
);

/** Answer to `GET /v1/payment-methods`. */
export const PaymentMethodsReplySchema = replyOf(
  'PaymentMethodsReply',
  Type.Object(
    {
      any_payment_method: Type.Boolean({
        description:
          'true: the EMR has no place for the payment method, and `payment_method` takes every name.',
      }),
      payment_methods: Type.Array(UsableMethod, {
        description: '`payment_method` takes the name of one of these, unless `any_payment_method` is true.',
      }),
      synced_at: SYNCED_AT,
    },
    {
      title: 'PaymentMethodNames',
      description: "The EMR's payment methods, as they were read from it last.",
    },
  ),
  "The EMR's payment methods",
);
export type PaymentMethodsReply = Static<typeof PaymentMethodsReplySchema>;

/** Answer to `GET /v1/locations`. */
export const LocationsReplySchema = replyOf(
  'LocationsReply',
  Type.Object(
    {
      any_location: Type.Boolean({
        description: 'true: the EMR has no place for the location, and `location` takes every name.',
      }),
      locations: Type.Array(LocationEntry, {
        description:
          '`location` takes an identifier, the id or the name of one of these, unless `any_location` is true.',
      }),
      synced_at: SYNCED_AT,
    },
    { title: 'LocationNames', description: "The EMR's locations, as they were read from it last." },
  ),
  "The EMR's locations",
);
export type LocationsReply = Static<typeof LocationsReplySchema>;
