import { type Static, Type } from '@sinclair/typebox';
import { ConnectionHealthSchema } from './connection-health.ts';
import { LocationEntry, UsableMethod } from './emr-entries.ts';
import { DroppedFields, FieldUse } from './field-use.ts';
import { nullable, replyOf } from './replies.ts';

const MethodNeed = Type.Object(
  {
    methods: Type.String({ description: 'The payment methods, in words.', examples: ['cards'] }),
    data: Type.String({
      description: 'What the EMR demands for them and a payment does not carry.',
      examples: ['the last four digits of the card'],
    }),
    setting: nullable(
      Type.String({
        description:
          "The setting of the practice's connection by which the operator of this service can supply it; null: nothing can.",
      }),
    ),
    supplied: Type.Boolean({
      description: 'true: the connection supplies it, and such payments are posted.',
    }),
  },
  { title: 'MethodNeed', description: 'Data that an EMR demands for some payment methods.' },
);

/** Answer to `GET /v1/connection`. */
export const ConnectionReplySchema = replyOf(
  'ConnectionReply',
  Type.Object(
    {
      user_id: Type.String({
        description: 'The user of the access token. In events it is `access_token_reference_id`.',
        examples: ['user_1J9X2q2eZvKYlo2CluR9g9gV'],
      }),
      adapter: Type.String({ description: 'The dialect of the EMR.', examples: ['fhir-r5'] }),
      capability: Type.Unsafe<'conditional-create' | 'lookup' | 'none'>({
        type: 'string',
        enum: ['conditional-create', 'lookup', 'none'],
        description:
          'How the outcome is settled when the EMR does not answer. `conditional-create`, `lookup`: this service finds out ' +
          'whether the EMR has the payment. `none`: a person has to look (`needs_review`).',
      }),
      time_zone: Type.String({
        description: 'Of the practice. It decides which day is today, the default of `deposit_date`.',
        examples: ['America/New_York'],
      }),
      health: ConnectionHealthSchema,
      lists_read: Type.Boolean({
        description:
          'false: the EMR could not be asked now; `health` says why. `payment_methods` and `locations` are then as they were read from it ' +
          'last, and empty when they never were. `GET /v1/payment-methods` says when that was.',
      }),
      dropped_fields: DroppedFields,
      fields: Type.Array(FieldUse, { description: 'What the EMR gets of each field of a payment.' }),
      method_needs: Type.Array(MethodNeed, {
        description: 'Data that the EMR demands for some payment methods. Empty when it demands none.',
      }),
      limits: Type.Array(Type.String(), {
        description: "The EMR's limits of requests, in words. They bound how fast payments are posted.",
      }),
      any_payment_method: Type.Boolean({
        description:
          'true: the EMR has no place for the payment method, and `payment_method` takes every name.',
      }),
      any_location: Type.Boolean({
        description: 'true: the EMR has no place for the location, and `location` takes every name.',
      }),
      payment_methods: Type.Array(UsableMethod, {
        description: '`payment_method` takes the name of one of these, unless `any_payment_method` is true.',
      }),
      locations: Type.Array(LocationEntry, {
        description:
          '`location` takes an identifier, the id or the name of one of these, unless `any_location` is true.',
      }),
    },
    { title: 'Connection', description: "What the user's EMR connection supports." },
  ),
  "What the user's EMR connection supports",
);

export type ConnectionReply = Static<typeof ConnectionReplySchema>;
