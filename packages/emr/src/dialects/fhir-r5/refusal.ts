import {
  FAILURE_CODES,
  type FailedCode,
  joined,
  type OurSentence,
  sentence,
  wordIn,
} from '@emr-payments/contracts';
import { ownWords } from '../../http/own-words.ts';
import { type OperationOutcome, OperationOutcomeSchema, parseAs } from './resources.ts';

/** https://hl7.org/fhir/R5/valueset-issue-type.html */
const ISSUE_CODES = [
  'invalid',
  'structure',
  'required',
  'value',
  'invariant',
  'security',
  'login',
  'unknown',
  'expired',
  'forbidden',
  'suppressed',
  'processing',
  'not-supported',
  'duplicate',
  'multiple-matches',
  'not-found',
  'deleted',
  'too-long',
  'code-invalid',
  'extension',
  'too-costly',
  'business-rule',
  'conflict',
  'limited-filter',
  'transient',
  'lock-error',
  'no-store',
  'exception',
  'timeout',
  'incomplete',
  'throttled',
  'informational',
  'success',
] as const;

/** The elements that we send, by the names that our API has for them. */
const FIELD_BY_ELEMENT: ReadonlyMap<string, OurSentence> = new Map([
  ['identifier', sentence`payment_id`],
  ['paymentIssuer', sentence`patient_mrn`],
  ['method', sentence`payment_method`],
  ['referenceNumber', sentence`reference_number`],
  ['location', sentence`location`],
  ['date', sentence`deposit_date`],
  ['amount', sentence`amount`],
  ['processNote', sentence`notes`],
]);

/** Codes by the element that the EMR's issue names, which says more than the HTTP status. */
const CODE_BY_ELEMENT: Readonly<Record<string, FailedCode>> = {
  paymentIssuer: 'unknown_patient',
  method: 'unknown_payment_method',
  location: 'unknown_location',
  amount: 'amount_refused',
};

type Issue = OperationOutcome['issue'][number];

/** Reads the element of PaymentReconciliation that an issue names first; empty when it names none. */
function elementOf({ expression = [] }: Issue): string {
  const [, element = ''] = /^PaymentReconciliation\.([A-Za-z]+)/.exec(expression[0] ?? '') ?? [];
  return element;
}

/** @returns the code of a refusal by what the EMR's issues name; undefined when they name nothing that we know. */
export function refusalCode(outcome: OperationOutcome | null): FailedCode | undefined {
  for (const issue of outcome?.issue ?? []) {
    const element = elementOf(issue);
    if (element === 'date' && issue.code === 'business-rule') return 'closed_period';
    const known = Object.hasOwn(CODE_BY_ELEMENT, element) ? CODE_BY_ELEMENT[element] : undefined;
    if (known !== undefined) return known;
  }
  return undefined;
}

const isError = ({ severity }: Issue) =>
  severity === undefined || severity === 'error' || severity === 'fatal';
const distinct = <T extends OurSentence>(words: readonly (T | null | undefined)[]): T[] => [
  ...new Set(words.filter((word) => word !== null && word !== undefined)),
];

/** Says why a payment was refused: the sentence of the code, the status, and of the issues only members of closed lists. */
export function refusalReason(
  outcome: OperationOutcome | null,
  { code, status }: { code: FailedCode; status: number },
): OurSentence {
  const issues = (outcome?.issue ?? []).filter(isError);
  const codes = distinct(issues.map((issue) => wordIn(ISSUE_CODES, issue.code)));
  const fields = distinct(issues.map((issue) => FIELD_BY_ELEMENT.get(elementOf(issue))));
  const evidence = [
    sentence`HTTP ${status}`,
    ...(codes.length === 0 ? [] : [sentence`issue code ${joined(codes, ' and ')}`]),
    ...(fields.length === 0 ? [] : [sentence`about ${joined(fields, ' and ')}`]),
  ];
  return sentence`${FAILURE_CODES[code].says} The EMR answered ${joined(evidence, ', ')}.`;
}

/** Reads the EMR's own words from an answer: the texts of an OperationOutcome, else the whole body. */
export function wordsOf(body: string): { emrText?: string } {
  const outcome = parseAs(OperationOutcomeSchema, body);
  const texts = (outcome?.issue ?? []).flatMap(({ details, diagnostics }) => [
    details?.text ?? '',
    diagnostics ?? '',
  ]);
  const said = [...new Set(texts)].filter((text) => text.trim() !== '').join(' | ');
  return ownWords(said === '' ? body : said);
}
