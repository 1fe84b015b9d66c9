import type { OperationOutcome } from './resources.ts';

/** The remarks of an OperationOutcome that comes beside, or in place of, search results. */
export type Remarks = { errorSaid: boolean; complete: boolean; searchHonoured: boolean };

/**
 * Codes that, below the severity `error`, say nothing against the results (https://hl7.org/fhir/R5/valueset-issue-type.html).
 * The others say that results are missing (`incomplete`, `too-costly`, `suppressed`, all transient ones, all about security),
 * or are in no table.
 */
const HARMLESS = new Set([
  'informational',
  'success',
  'processing',
  'invariant',
  'duplicate',
  'multiple-matches',
  'not-found',
  'deleted',
  'code-invalid',
  'extension',
  'business-rule',
  'conflict',
]);

/** Codes by which a server says that it left out a search parameter that it does not know or cannot read. */
const NOT_HONOURED = new Set([
  'not-supported',
  'limited-filter',
  'invalid',
  'structure',
  'required',
  'value',
]);

/** Servers also say it in words only, with the code `informational`. */
const SAYS_INCOMPLETE =
  /incomplete|partial|truncat|omit|withheld|suppress|timed? ?out|too (?:many|costly|long)/i;

/** Reads what the issues say about the results that they come with. */
export function remarksOf({ issue }: OperationOutcome): Remarks {
  const remarks: Remarks = { errorSaid: false, complete: true, searchHonoured: true };
  for (const { severity, code = '', details, diagnostics } of issue) {
    if (severity !== 'warning' && severity !== 'information' && severity !== 'success')
      remarks.errorSaid = true;
    if (NOT_HONOURED.has(code)) remarks.searchHonoured = false;
    else if (!HARMLESS.has(code)) remarks.complete = false;
    if (SAYS_INCOMPLETE.test(`${details?.text ?? ''} ${diagnostics ?? ''}`)) remarks.complete = false;
  }
  return remarks;
}
