import { sentence } from '@emr-payments/contracts';
import type { CheckOutcome } from '../adapter.ts';
import type { CallOptions } from '../calls.ts';
import { type FailedCheck, failedCheck } from '../failed-check.ts';
import { refusalSentence } from '../http/refusal-sentence.ts';
import { type Capabilities, readCapabilities } from './capability-statement.ts';
import { mrnSystemRemark } from './check-mrn-system.ts';
import { capabilityOf, type FhirConnection, type FhirSettings } from './connection.ts';
import { searchPosting } from './find-posting.ts';
import { judgeCapabilities } from './judge-capabilities.ts';
import { readLists } from './lists.ts';
import { type Failed, readResource } from './read.ts';
import { BundleSchema } from './resources.ts';

/** No payment of ours has this id: in a real one, the bits of the UUID's version and variant are set. */
const NO_PAYMENT = '0'.repeat(32);
const NO_STATEMENT =
  ' Is this the base URL of a FHIR server? One without a CapabilityStatement can be connected with --no-check and the settings conditional_create and search.';

const refused = ({ refusal, trouble }: Omit<Failed, 'ok'>) => refusalSentence(refusal, trouble);

/** Tries the search for a payment, on which exactly-once posting depends. @returns why it does not work; null when it does. */
async function searchProblem(fhir: FhirConnection, options: CallOptions): Promise<FailedCheck | null> {
  const found = await searchPosting(fhir, { paymentId: NO_PAYMENT }, options);
  if (found.outcome !== 'unavailable') return null;
  const why =
    found.refusal === undefined ? found.detail : refused({ refusal: found.refusal, trouble: found });
  const remedy =
    found.code === 'search_not_honoured' ? ' The connection should have the setting search: false.' : '';
  return failedCheck(`Payments cannot be searched for: ${why}${remedy}`, found);
}

/**
 * Tries the credentials with a request for a number, where nothing else that the check reads needs them: a server's statement about
 * itself is open to everybody. No patient's data is in the answer.
 *
 * @returns the refusal; null when the server lets us in, or refuses this request alone.
 */
async function credentialProblem(fhir: FhirConnection, { signal }: CallOptions): Promise<Failed | null> {
  const path = 'Patient?_summary=count';
  const read = await readResource(fhir, { path, schema: BundleSchema, signal });
  return read.ok || ![null, 401].includes(read.refusal.status) ? null : read;
}

/** The facts of a statement that are kept with the connection. */
const recordOf = ({ fhirVersion, software, conditionalCreate, search }: Capabilities) => ({
  fhir_version: fhirVersion,
  software,
  says_conditional_create: conditionalCreate,
  says_search: search,
});

/** The settings that nobody gave. */
function readSettings(
  { given }: FhirConnection,
  decided: Pick<FhirSettings, 'conditional_create' | 'search'>,
) {
  return Object.fromEntries(Object.entries(decided).filter(([name]) => !given.has(name)));
}

/**
 * Checks what posting needs and can be tried without writing: the server's statement about itself, the practice's lists, which
 * must not be empty, and the search by payment id. Whether the credentials permit writing is known only after the first payment.
 */
export async function checkFhirConnection(fhir: FhirConnection, options: CallOptions): Promise<CheckOutcome> {
  const stated = await readCapabilities(fhir, options);
  if (!stated.ok) {
    const hint = stated.refusal.status === 404 || stated.trouble.code === 'bad_answer' ? NO_STATEMENT : '';
    return failedCheck(`${refused(stated)}${hint}`, stated.trouble);
  }
  const judged = judgeCapabilities(stated.capabilities, fhir);
  if (!judged.ok) return judged;
  const used: FhirConnection = {
    ...fhir,
    settings: { ...fhir.settings, ...judged.settings },
    capability: capabilityOf(judged.settings),
  };

  const read = await readLists(used, options);
  if (!read.ok) return failedCheck(refused(read), read.trouble);
  const { methods, locations } = read.lists;
  const unusable = read.unusable.length === 0 ? '' : ` Not usable: ${read.unusable.slice(0, 20).join('; ')}.`;
  if (methods.length === 0) {
    const where = 'valueSet' in fhir.methods ? ` in the ValueSet ${fhir.methods.valueSet}` : '';
    return failedCheck(`The EMR lists no payment method${where}.${unusable}`, {
      code: 'list_not_found',
      detail: sentence`The EMR lists no payment method.`,
    });
  }
  if (locations.length === 0 && fhir.locations)
    return failedCheck(`The EMR lists no location.${unusable}`, {
      code: 'list_not_found',
      detail: sentence`The EMR lists no location.`,
    });
  const problem = judged.settings.search ? await searchProblem(used, options) : null;
  if (problem !== null) return problem;
  const needsNoServer = 'names' in fhir.methods && !fhir.locations && !judged.settings.search;
  const rejected = needsNoServer ? await credentialProblem(used, options) : null;
  if (rejected !== null) return failedCheck(refused(rejected), rejected.trouble);
  const nobody = await mrnSystemRemark(used, options);
  return {
    ok: true,
    methods: methods.length,
    locations: fhir.locations ? locations.length : null,
    unusable: read.unusable,
    settings: readSettings(fhir, judged.settings),
    statement: recordOf(stated.capabilities),
    remarks: nobody === null ? judged.remarks : [...judged.remarks, nobody],
  };
}
