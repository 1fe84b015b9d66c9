const ID = 'must be an id of 1 to 255 characters';
const TEXTS = 'must be an object of texts';
const FLAG = 'must be true or false';

/** The rules of the fields of bodies and queries, for the brackets of the error that names one. */
export const OPERATOR_FIELD_RULES = {
  name: 'must be one line of text of 1 to 255 characters',
  mode: 'must be test or live',
  client_id: ID,
  user_id: ID,
  adapter: 'must be the name of an adapter of docs/emrs.md',
  base_url: 'must be a URL of at most 2048 characters',
  time_zone: 'must be the name of a time zone, such as America/New_York',
  credentials: TEXTS,
  settings: TEXTS,
  concurrency: 'must be a whole number from 1 to 1000',
  rate_per_second: 'must be a number from 0.001 to 1000',
  share_emr_text: FLAG,
  allow_plain_http: FLAG,
  check: FLAG,
  rotate: FLAG,
  overlap_seconds: 'must be a whole number from 0 to 604800',
  reason: 'must be one line of text of 1 to 255 characters',
  status: 'must be needs_review or failed, each at most once',
  outcome: 'must be one of those that the document names',
  note: 'must be a non-empty string of at most 1000 characters',
  actor: ID,
  source: ID,
  subject: ID,
  action: ID,
  since: 'must be a date and time such as 2026-06-15T00:00:00Z',
  limit: 'must be a whole number from 1 to 100',
  cursor: 'must be next_cursor of the page before',
};
