/** One practice of the sandbox, as an operator would connect it through one adapter. */
export type SandboxPractice = {
  adapter: string;
  baseUrl: string;
  credentials: Readonly<Record<string, string>>;
  settings: Readonly<Record<string, string | number | boolean>>;
  /** The EMR's own id of the sandbox's patient at this place, from 0. */
  emrPatientId(place: number): string;
  /** Names that a payment may give there. */
  paymentMethod: string;
  location: string;
};

/** The sandbox's demo patients, by MRN, in the order of their numbers. */
export const SANDBOX_MRNS = ['MRN-12345', 'MRN-12346', 'MRN-12347', 'MRN-12348', 'MRN-12349'] as const;

const fhirId = (place: number) => `pat-${1001 + place}`;
/** Dialects with whole numbers as ids count the sandbox's patients from 1. */
const number = (place: number) => String(place + 1);

const CLIENT = { client_id: 'demo', client_secret: 'demo-secret' };

/**
 * The practices of the sandbox, one for each adapter, in the order of `emr-payments adapters`. The sandbox must run without a
 * secret of its own: then it takes any credentials of the right form.
 *
 * @param input.sandboxUrl as the worker reaches it.
 */
export function sandboxPractices({ sandboxUrl }: { sandboxUrl: string }): readonly SandboxPractice[] {
  const usual = { paymentMethod: 'Card', location: '1404' };
  return [
    {
      ...usual,
      adapter: 'fhir-r5',
      baseUrl: `${sandboxUrl}/fhir/r5`,
      credentials: {},
      // The sandbox can do both, so nobody has to ask it (`user check`).
      settings: { conditional_create: true, search: true },
      emrPatientId: fhirId,
    },
    {
      ...usual,
      adapter: 'open-dental',
      baseUrl: `${sandboxUrl}/open-dental/api/v1`,
      credentials: { developer_key: 'demo-developer', customer_key: 'demo-customer' },
      // The sandbox's MRNs are the chart numbers there.
      settings: { mrn_field: 'ChartNumber' },
      emrPatientId: number,
    },
    {
      ...usual,
      adapter: 'nexhealth',
      baseUrl: `${sandboxUrl}/nexhealth`,
      credentials: { api_key: 'demo-api-key' },
      settings: { subdomain: 'demo-practice' },
      emrPatientId: number,
    },
    {
      ...usual,
      adapter: 'fhir-r4',
      baseUrl: `${sandboxUrl}/fhir/r4`,
      credentials: { bearer_token: 'demo-token' },
      settings: {
        conditional_create: true,
        search: true,
        payment_method_value_set: 'urn:emr-payments:payment-methods',
      },
      emrPatientId: fhirId,
    },
    {
      ...usual,
      adapter: 'canvas',
      baseUrl: `${sandboxUrl}/canvas`,
      credentials: CLIENT,
      settings: {},
      emrPatientId: fhirId,
    },
    {
      ...usual,
      // A card needs data that a payment does not carry.
      paymentMethod: 'Cash',
      adapter: 'athena-ppv',
      baseUrl: `${sandboxUrl}/athena`,
      credentials: CLIENT,
      settings: { practice_id: '195900', vendor_code: 'demo' },
      emrPatientId: number,
    },
    {
      ...usual,
      // A card needs data that a payment does not carry.
      paymentMethod: 'Cash',
      adapter: 'athena-record',
      baseUrl: `${sandboxUrl}/athena`,
      credentials: CLIENT,
      settings: { practice_id: '195900' },
      emrPatientId: number,
    },
    {
      ...usual,
      adapter: 'drchrono',
      baseUrl: `${sandboxUrl}/drchrono`,
      credentials: { ...CLIENT, refresh_token: 'demo-refresh-token' },
      settings: {},
      emrPatientId: number,
    },
    {
      ...usual,
      adapter: 'candid',
      baseUrl: `${sandboxUrl}/candid`,
      credentials: CLIENT,
      settings: {},
      emrPatientId: fhirId,
    },
  ];
}
