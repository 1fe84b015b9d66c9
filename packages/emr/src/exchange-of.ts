import type { OurSentence } from '@emr-payments/contracts';
import type { TROUBLE_CODES } from './trouble-codes.ts';

/**
 * What an exchange with an EMR says about the connection:
 * - `answered`: the EMR answered, and accepted the credentials;
 * - `login`: it rejected the credentials;
 * - `down`: it did not answer, failed, or gave no access token;
 * - `hampered`: it gave an answer that cannot be used;
 * - `none`: nothing, because no call was made, it was ended by us, or only a limit or the age of a token was in the way.
 */
export type ExchangeKind = 'answered' | 'login' | 'down' | 'hampered' | 'none';

/** The same exchange as `noteExchange` of packages/db takes it. */
export type ExchangeOf =
  | { kind: 'answered' | 'none' }
  | { kind: 'login' | 'down' | 'hampered'; code: string; detail: OurSentence };

/** Every code is here, so that a new one does not compile before somebody has decided what it says. */
const KINDS: Readonly<Record<(typeof TROUBLE_CODES)[number], ExchangeKind>> = {
  aborted: 'none',
  // The connection leads to an address that it may not call: somebody has to change it.
  address_refused: 'hampered',
  answer_too_large: 'hampered',
  bad_answer: 'hampered',
  claim_lost: 'none',
  connection_refused: 'down',
  connection_reset: 'down',
  dns: 'down',
  network: 'down',
  timeout: 'down',
  tls: 'down',
  unreachable: 'down',
  limit_used_up: 'none',
  login_required: 'login',
  token_not_available: 'down',
  // The EMR has just given another one, which is not tried yet.
  token_renewed: 'none',
  accepted: 'answered',
  conflict: 'hampered',
  cursor_expired: 'answered',
  emr_error: 'down',
  forbidden: 'hampered',
  // It answers, and says nothing about the credentials.
  rate_limited: 'none',
  redirected: 'hampered',
  several_matches: 'hampered',
  unauthorized: 'login',
  unexpected_status: 'hampered',
  answer_cached: 'hampered',
  answer_incomplete: 'hampered',
  answer_not_understood: 'hampered',
  entry_unreadable: 'hampered',
  // Somebody has to look: a right at the EMR is missing, or its data are older than our payments.
  known_not_shown: 'hampered',
  list_not_found: 'hampered',
  search_not_honoured: 'hampered',
  not_there_yet: 'answered',
  our_fault: 'none',
  // It can be found without a call.
  settling: 'none',
};

function kindOf(code: string): ExchangeKind {
  if (Object.hasOwn(KINDS, code)) return KINDS[code as keyof typeof KINDS];
  // The other codes are refusals of one payment by an EMR that answers; this one is about the connection.
  return code === 'connection_misconfigured' ? 'hampered' : 'answered';
}

/** Takes from a trouble what it says about the connection. */
export function exchangeOf({ code, detail }: { code: string; detail: OurSentence }): ExchangeOf {
  const kind = kindOf(code);
  return kind === 'answered' || kind === 'none' ? { kind } : { kind, code, detail };
}
