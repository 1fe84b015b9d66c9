import { EVENT_TYPES } from '@emr-payments/contracts';

const TIME = 'must be a date and time such as 2026-06-15T00:00:00Z';
const TYPES = EVENT_TYPES.join(', ');

/** The rules of the fields of bodies and queries, for the brackets of the error that names one. */
export const WEBHOOK_FIELD_RULES = {
  url: 'must be a URL of at most 2048 characters',
  description: 'must be one line of text of at most 255 characters',
  event_types: `must be a list of different ones of: ${TYPES}`,
  thin: 'must be true or false',
  signing: 'must be v1 or v1a',
  rate_per_second: 'must be a number from 0.01 to 1000',
  enabled: 'must be true or false',
  overlap_seconds: 'must be a whole number from 0 to 604800',
  endpoint_id: 'must be the id of a webhook endpoint',
  since: TIME,
  until: TIME,
  created_after: TIME,
  status: 'must be one of: pending, delivered, failed, canceled',
  event_type: `must be one of: ${TYPES}`,
  type: `must be one of: ${TYPES}`,
  job_id: 'must be a job_id: a whole number of at most 15 digits',
  payment_id: 'must be 32 lower-case hex digits',
  limit: 'must be a whole number from 1 to 100',
  cursor: 'must be next_cursor of the page before',
};
