import { ERROR_CODES, ERRORS, FAILURE_CODES, type RetryRule } from '@emr-payments/contracts';

const GENERATED =
  '<!-- Written by `pnpm --filter @emr-payments/api openapi` from packages/contracts: change it there. -->';

const SAFE: Record<RetryRule, string> = {
  always: 'true',
  with_key: 'true with an Idempotency-Key, and for reads, deletes, dry runs and tests of an endpoint',
  never: 'false',
};

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** Writes docs/failure-codes.md: why a payment was not posted, and what to do. */
export function failureCodesPage(): string {
  const rows = Object.entries(FAILURE_CODES).map(([code, { status, says, action }]) => [
    `\`${code}\``,
    `\`${status}\``,
    says,
    action,
  ]);
  return `${GENERATED}

# Failure codes

\`failure.code\` of a payment (\`GET /v1/payments/{id}\`) says why it ended as \`failed\` or \`needs_review\`. A code is never renamed or
given another meaning; new ones may be added. \`failure.reason\` explains the single case: for a refusal it is the sentence of the code
with the HTTP status, the issue codes of the standard and the fields of the payment that the EMR names. It consists of our own words,
because an EMR's text can name a patient; the operator reads the EMR's words ([operating.md](operating.md)). \`failure.action\` is the
last column.

- \`failed\`: the payment is not in the EMR. \`POST /v1/payments/{id}/retry\` posts it again, if necessary with a corrected
  \`payment_method\` or \`location\`.
- \`needs_review\`: the service cannot find out whether the payment is in the EMR, so it never sends it again by itself. A person
  looks in the EMR, then settles it with \`POST /v1/payments/{id}/resolve\`.

${table(['code', 'status', 'what happened', 'what to do'], rows)}
`;
}

/** Writes docs/errors.md: every error of the API. */
export function errorsPage(): string {
  const rows = ERROR_CODES.map((code) => [
    `\`${code}\``,
    String(ERRORS[code].status),
    SAFE[ERRORS[code].retry],
    ERRORS[code].about,
  ]);
  return `${GENERATED}

# Errors

Every error has the same shape. Programs decide by \`code\` and \`safe_to_retry\`; \`message\` and \`hint\` are for people; quote
\`request_id\` when you report one. \`hint\` is there only where the request itself shows what may be wrong, such as a header that is missing.

\`\`\`json
{"success": false, "message": "…", "code": "service_unavailable", "request_id": "…", "safe_to_retry": true}
\`\`\`

## safe_to_retry

- \`true\`: send the same request again after a pause, with the same \`Idempotency-Key\` if it had one. Nothing is created twice.
  \`Retry-After\` gives the length of the pause where it is known.
- \`false\`: do not send it again unchanged. Either it would be refused again until something is changed, or (a POST or PATCH
  without an \`Idempotency-Key\` that got a 500 or 503) it may have been accepted already: check before you send it again.

With an \`Idempotency-Key\` on every POST and PATCH the second case does not arise. Treat a connection that breaks without an answer like a 503.

${table(['code', 'status', 'safe_to_retry', 'when'], rows)}
`;
}
