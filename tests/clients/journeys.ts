import { randomUUID } from 'node:crypto';
import { join } from 'node:path';

type Credentials = { client_id: string; client_secret: string; access_token: string };

/** What a generated client has to do: a program for each generator, its environment, and the lines that it has to print. */
export type Journey = {
  /** Folder of its programs. */
  stories: string;
  document: string;
  environment(): Record<string, string>;
  expected: RegExp;
};

const STORIES = join(import.meta.dirname, 'stories');
const lines = (...each: string[]) => new RegExp(`^${each.join('\n')}\n$`);

/** An integrator posts a payment, reads it, finds it in the list, gets two typed errors, and parses an event with an unknown field. */
export function integratorsJourney(input: {
  document: string;
  baseUrl: string;
  credentials: Credentials;
}): Journey {
  const { document, baseUrl, credentials } = input;
  const { webhooks } = JSON.parse(document);
  const { example } = webhooks['payment.created'].post.requestBody.content['application/json'];
  const later = { ...example, added_later: { x: 1 }, data: { ...example.data, sequence: 3 } };
  return {
    stories: STORIES,
    document,
    environment: () => ({
      BASE_URL: baseUrl,
      CLIENT_ID: credentials.client_id,
      CLIENT_SECRET: credentials.client_secret,
      ACCESS_TOKEN: credentials.access_token,
      REFERENCE: randomUUID(),
      EVENT: JSON.stringify(later),
    }),
    expected: lines(
      'posted ([0-9a-f]{32})',
      'read \\1 350\\.1',
      'listed \\1',
      'refused 400 invalid_field',
      'missing 404 payment_not_found',
      'event payment\\.created 123e4567e89b12d3a456426614174001',
    ),
  };
}

/** An operator makes a client and a practice with a connection, rotates a secret, holds posting, reads the audit log, and gets two typed errors. */
export function operatorsJourney(input: {
  document: string;
  baseUrl: string;
  operatorKey: string;
  emrUrl: string;
}): Journey {
  const { document, baseUrl, operatorKey, emrUrl } = input;
  return {
    stories: join(STORIES, 'operator'),
    document,
    environment: () => ({
      BASE_URL: baseUrl,
      OPERATOR_KEY: operatorKey,
      EMR_URL: emrUrl,
      REFERENCE: randomUUID(),
    }),
    expected: lines(
      'client (ci_test_[\\w-]{32})',
      'again \\1',
      'user (user_\\w{24}) connected null',
      'rotated cs_test',
      'hold \\2 moved',
      'ended none',
      'audit hold\\.off hold\\.on',
      'refused 400 invalid_field',
      'missing 404 record_not_found',
    ),
  };
}
