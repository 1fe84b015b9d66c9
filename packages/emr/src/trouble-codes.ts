import type { FailedCode } from '@emr-payments/contracts';

/**
 * Every code of an attempt or a retry. The list is closed, so that no word of an EMR becomes a code: codes
 * are stored, logged and shown. A dialect that needs another one adds it here.
 */
export const TROUBLE_CODES = [
  // No complete answer.
  'aborted',
  'answer_too_large',
  'bad_answer',
  'claim_lost',
  'connection_refused',
  'connection_reset',
  'dns',
  'network',
  'timeout',
  'tls',
  'unreachable',
  // No request was made: see network.ts, http/session.ts and tokens/.
  'address_refused',
  'limit_used_up',
  'login_required',
  'token_not_available',
  'token_renewed',
  // An answer, by its status.
  'accepted',
  'conflict',
  'emr_error',
  'forbidden',
  'rate_limited',
  'redirected',
  'several_matches',
  'unauthorized',
  'unexpected_status',
  // An answer that proves nothing.
  'answer_cached',
  'answer_incomplete',
  'answer_not_understood',
  // The EMR no longer knows where a list was read to: it is read again from its first page.
  'cursor_expired',
  'entry_unreadable',
  'list_not_found',
  'search_not_honoured',
  // From the worker.
  'known_not_shown',
  'not_there_yet',
  'our_fault',
  'settling',
] as const;

export type TroubleCode = (typeof TROUBLE_CODES)[number] | FailedCode;
