/** The body of the published page's example. */
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

/** The published curl with these credentials, ready to be pasted into a shell. */
export function publishedCurl(apiUrl: string, credentials: Credentials): string {
  return `curl -X POST ${apiUrl}/v1/payments \\
-H 'Content-Type: application/json' \\
-H 'client_id: ${credentials.client_id}' \\
-H 'client_secret: ${credentials.client_secret}' \\
-H 'access_token: ${credentials.access_token}' \\
-d '${JSON.stringify(PUBLISHED_BODY, null, 4)}'`;
}

/** The same in one line: a log puts its own word before each line, so only one line can be copied out of it. */
export function publishedCurlInOneLine(apiUrl: string, credentials: Credentials): string {
  const many = publishedCurl(apiUrl, credentials);
  return many
    .replace(JSON.stringify(PUBLISHED_BODY, null, 4), JSON.stringify(PUBLISHED_BODY))
    .replaceAll(' \\\n', ' ');
}
