import { type Static, type TProperties, Type } from '@sinclair/typebox';
import { settleMs, timeoutMs } from '../../connection/common-settings.ts';
import { fieldsOf } from '../../connection/read-connection.ts';
import { tokenUrlSetting } from '../../connection/token-url.ts';
import type { AdapterDescription } from '../../description.ts';

const README = 'packages/emr/src/dialects/athena/README.md';

const CredentialsSchema = Type.Object(
  {
    client_id: Type.String({
      pattern: '^[!-~]{1,255}$',
      description: 'client id of the app in the athenahealth developer portal',
    }),
    client_secret: Type.String({
      pattern: '^[!-~]{1,255}$',
      description: 'client secret of the app; it is exchanged for an access token',
    }),
  },
  { additionalProperties: false },
);

export { CredentialsSchema };

/** Texts, with `|` between alternatives and `*` for any text between two parts (`text-pattern.ts`). */
const Pattern = (options: { default: string; description: string }) =>
  Type.String({ minLength: 1, maxLength: 500, ...options });

/** Settings of both ways. `own` stand behind the practice's. */
const schemaWith = <T extends TProperties>(own: T) =>
  Type.Object(
    {
      practice_id: Type.String({
        pattern: '^[0-9]{1,10}$',
        description: 'id of the practice at athenahealth, such as 195900',
      }),
      ...own,
      mrn_field: Type.String({
        pattern: '^(?:patientid|none)$',
        default: 'none',
        choosesMrn: true,
        description:
          "patientid: the MRNs are athena's own patient ids, so a patient who is not known can be looked up. none: they are numbers of another system, which may be another patient's id at athena, so patients come from a file or the API",
      }),
      card_last4: Type.Optional(
        Type.String({
          pattern: '^(?:reference_number|[0-9]{4})$',
          description:
            "athena takes a card only with its last four digits, which a payment does not carry: reference_number takes them from the payment's reference number, which must end with them; four digits are sent with every card, if the practice agrees. Without it, cards are refused",
        }),
      ),
      scope: Type.String({
        pattern: '^[!-~]+(?: [!-~]+)*$',
        maxLength: 500,
        default: 'athena/service/Athenanet.MDP.*',
        description: 'OAuth scope of the access token',
      }),
      token_url: tokenUrlSetting('/oauth2/v1/token below the base URL'),
      quota_remaining_header: Type.String({
        pattern: '^[A-Za-z0-9-]{1,100}$',
        default: 'x-ratelimit-remaining',
        description:
          'header of a 429 that says how many requests are left; at 0 the payment waits until midnight GMT, when the daily quota begins again',
      }),
      calls_per_minute: Type.Optional(
        Type.Integer({
          limit: true,
          minimum: 0,
          maximum: 1_000_000,
          description:
            'requests that the app may make in a minute, over all practices; 0: no limit. Without it, 9000 (150 a second), and 900 at the preview address',
        }),
      ),
      timeout_ms: timeoutMs(20_000),
    },
    { additionalProperties: false },
  );

export const PpvSettingsSchema = schemaWith({
  vendor_code: Type.String({
    pattern: '^[A-Za-z0-9_-]{1,50}$',
    description: 'code that athenahealth has given the patient pay vendor',
  }),
  post_date_field: Type.String({
    pattern: '^(?:postdate|bankdepositdate)$',
    default: 'postdate',
    description:
      "field that carries deposit_date: postdate, the day of the payment, or bankdepositdate, the day on which athena's card processor deposits it",
  }),
  vendor_terminal_id: Type.Optional(
    Type.String({
      pattern: '^[!-~]{1,64}$',
      description:
        'id of the card terminal (TID), which athena demands with a card. Without it, cards are refused',
    }),
  ),
  card_methods: Pattern({
    default: 'card|credit|debit|visa|master|amex|american express|discover|diners|jcb|hsa|fsa',
    description: 'texts, with | between them: a payment method whose code or name has one of them is a card',
  }),
  check_methods: Pattern({
    default: 'check|cheque|chck',
    description:
      'texts, with | between them: a payment method whose code or name has one of them, and that is no card, is a check; reference_number must be its number',
  }),
  duplicate_pattern: Pattern({
    default: 'duplicate*external*ref|already*external*ref|external*ref*duplicate|external*ref*already',
    description:
      "texts, with | between them and * for any text: a refusal that has one of them says that athena has a payment with this payment's externalrefid already. No other refusal may have one",
  }),
  settle_ms: settleMs(60_000),
});

export const RecordSettingsSchema = schemaWith({
  success_pattern: Pattern({
    default: '"patientpaymentid":|"paymentid":|"epaymentid":|"success":"true"|"success":true',
    description:
      'texts, with | between them and * for any text: an answer with HTTP 200, in JSON, without an error, that has one of them (blanks between members left out) says that the payment was recorded',
  }),
});

export type PpvSettings = Static<typeof PpvSettingsSchema>;
export type RecordSettings = Static<typeof RecordSettingsSchema>;

const EXAMPLE = {
  baseUrl: 'https://api.platform.athenahealth.com',
  credentials: { client_id: 'example-client', client_secret: 'example-secret' },
};

export const ppvDescription: AdapterDescription = {
  name: 'athena-ppv',
  title: 'athenaOne, as a patient pay vendor',
  credentials: fieldsOf(CredentialsSchema),
  settings: fieldsOf(PpvSettingsSchema),
  example: { ...EXAMPLE, settings: { practice_id: '195900', vendor_code: 'EXAMPLE' } },
  readme: README,
};

export const recordDescription: AdapterDescription = {
  name: 'athena-record',
  title: 'athenaOne, recording payments (recordpayment)',
  credentials: fieldsOf(CredentialsSchema),
  settings: fieldsOf(RecordSettingsSchema),
  example: { ...EXAMPLE, settings: { practice_id: '195900' } },
  readme: README,
};
