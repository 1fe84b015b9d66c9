import {
  FAILURE_CODES,
  type FailedCode,
  joined,
  type OurSentence,
  sentence,
  wordIn,
} from '@emr-payments/contracts';
import { ownWords } from '../http/own-words.ts';
import type { PaymentResource, SentElement } from './payment-resource.ts';
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

type Issue = OperationOutcome['issue'][number];

/** Finds the element that we sent and that an issue names first: as it is, or as a part of it. */
function elementOf({ type, elements }: PaymentResource, { expression = [] }: Issue): SentElement | undefined {
  const named = expression[0] ?? '';
  const path = named.startsWith(`${type}.`) ? named.slice(type.length + 1) : '';
  return elements.find((each) => path.startsWith(each.path) && !/^\w/.test(path.slice(each.path.length)));
}

/** @returns the code of a refusal by what the EMR's issues name; undefined when they name nothing that we know. */
export function refusalCode(
  payments: PaymentResource,
  outcome: OperationOutcome | null,
): FailedCode | undefined {
  for (const issue of outcome?.issue ?? []) {
    const element = elementOf(payments, issue);
    if (element?.isDate && issue.code === 'business-rule') return 'closed_period';
    if (element?.code !== undefined) return element.code;
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
  payments: PaymentResource,
  { outcome, code, status }: { outcome: OperationOutcome | null; code: FailedCode; status: number },
): OurSentence {
  const issues = (outcome?.issue ?? []).filter(isError);
  const codes = distinct(issues.map((issue) => wordIn(ISSUE_CODES, issue.code)));
  const fields = distinct(issues.map((issue) => elementOf(payments, issue)?.field));
  const evidence = [
    sentence`HTTP ${status}`,
    ...(codes.length === 0 ? [] : [sentence`issue code ${joined(codes, ' and ')}`]),
    ...(fields.length === 0 ? [] : [sentence`about ${joined(fields, ' and ')}`]),
  ];
  return sentence`${FAILURE_CODES[code].says} The EMR answered ${joined(evidence, ', ')}.`;
}

/** Reads the texts of an OperationOutcome, else gives the whole body. */
export function textOf(body: string): string {
  const outcome = parseAs(OperationOutcomeSchema, body);
  const texts = (outcome?.issue ?? []).flatMap(({ details, diagnostics }) => [
    details?.text ?? '',
    diagnostics ?? '',
  ]);
  const said = [...new Set(texts)].filter((text) => text.trim() !== '').join(' | ');
  return said === '' ? body : said;
}

/** The EMR's own words in an answer. */
export const wordsOf = (body: string): { emrText?: string } => ownWords(textOf(body));
