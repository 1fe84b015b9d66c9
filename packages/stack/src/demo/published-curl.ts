/** The request body of the example in the published contract. */
export const PUBLISHED_BODY = {
  patient_mrn: 'MRN-12345',
  payment_method: 'Card',
  reference_number: '#123456',
  location: '1404',
  amount: 350,
  notes: 'Patient copay collected at front desk',
  deposit_date: '2026-06-15',
} as const;

export type Credentials = { client_id: string; client_secret: string; access_token: string };

/** Writes the published example as a curl command with these credentials, ready to paste into a shell. */
export function publishedCurl(apiUrl: string, credentials: Credentials): string {
  return `curl -X POST ${apiUrl}/v1/payments \\
-H 'Content-Type: application/json' \\
-H 'client_id: ${credentials.client_id}' \\
-H 'client_secret: ${credentials.client_secret}' \\
-H 'access_token: ${credentials.access_token}' \\
-d '${JSON.stringify(PUBLISHED_BODY, null, 4)}'`;
}

/**
 * Writes the same command in one line. `docker compose logs` puts a prefix before each line, so only a single line
 * can be copied.
 */
export function publishedCurlInOneLine(apiUrl: string, credentials: Credentials): string {
  const many = publishedCurl(apiUrl, credentials);
  return many
    .replace(JSON.stringify(PUBLISHED_BODY, null, 4), JSON.stringify(PUBLISHED_BODY))
    .replaceAll(' \\\n', ' ');
}
