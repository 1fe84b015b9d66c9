/** Codes of http://hl7.org/fhir/issue-type that the sandbox uses. */
export type IssueCode =
  | 'structure'
  | 'required'
  | 'value'
  | 'not-found'
  | 'deleted'
  | 'not-supported'
  | 'business-rule'
  | 'code-invalid'
  | 'multiple-matches'
  | 'login'
  | 'throttled'
  | 'exception'
  | 'processing'
  | 'too-long';

/** A refusal; the error handler answers it with an OperationOutcome. */
export class FhirProblem extends Error {
  override name = 'FhirProblem';
  readonly status: number;
  readonly issue: IssueCode;
  readonly expression: string | undefined;

  constructor(status: number, issue: IssueCode, text: string, expression?: string) {
    super(text);
    this.status = status;
    this.issue = issue;
    this.expression = expression;
  }
}

export function operationOutcome(code: IssueCode, text: string, expression?: string): object {
  return {
    resourceType: 'OperationOutcome',
    issue: [
      {
        severity: 'error',
        code,
        details: { text },
        ...(expression === undefined ? {} : { expression: [expression] }),
      },
    ],
  };
}
