import { ERROR_CODES, ERRORS, FAILURE_CODES, type RetryRule } from '@emr-payments/contracts';

const GENERATED =
  '<!-- Written by `pnpm --filter @emr-payments/api openapi` from packages/contracts: change it there. -->';

const SAFE: Record<RetryRule, string> = {
  always: 'true',
  with_key: 'true with an Idempotency-Key, and for reads',
  never: 'false',
};

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** docs/failure-codes.md: why a payment did not go through, and what to do. */
export function failureCodesPage(): string {
  const rows = Object.entries(FAILURE_CODES).map(([code, { status, action }]) => [
    `\`${code}\``,
    `\`${status}\``,
    action,
  ]);
  return `${GENERATED}

# Failure codes

\`failure.code\` of a payment (\`GET /v1/payments/{id}\`) says why it ended as \`failed\` or \`needs_review\`. A code is never renamed or
given another meaning; new ones may come. \`failure.reason\` tells the single case in words, \`failure.action\` is the last column.

- \`failed\`: the payment does not stand in the EMR. \`POST /v1/payments/{id}/retry\` posts it again, with a corrected
  \`payment_method\` or \`location\` if need be.
- \`needs_review\`: nobody can know whether it stands there, so it is never sent again by itself. A person looks in the EMR, then
  \`POST /v1/payments/{id}/resolve\`.

${table(['code', 'status', 'what to do'], rows)}
`;
}

/** docs/errors.md: every error of the API. */
export function errorsPage(): string {
  const rows = ERROR_CODES.map((code) => [
    `\`${code}\``,
    String(ERRORS[code].status),
    SAFE[ERRORS[code].retry],
    ERRORS[code].about,
  ]);
  return `${GENERATED}

# Errors

Every error has one shape. Programs decide by \`code\` and \`safe_to_retry\`; \`message\` is for people; \`request_id\` is what to quote.

\`\`\`json
{"success": false, "message": "…", "code": "service_unavailable", "request_id": "…", "safe_to_retry": true}
\`\`\`

## safe_to_retry

- \`true\`: send the same request again after a pause, with the same \`Idempotency-Key\` if it had one. Nothing is made twice.
  \`Retry-After\` says how long the pause is, where that is known.
- \`false\`: do not send it again as it is. Either it would be refused again until something is changed, or (a POST without an
  \`Idempotency-Key\` that met a 500 or 503) it may have been taken already: look before you send it again.

With an \`Idempotency-Key\` on every POST the second case does not arise. A connection that breaks without any answer is like a 503.

${table(['code', 'status', 'safe_to_retry', 'when'], rows)}
`;
}
