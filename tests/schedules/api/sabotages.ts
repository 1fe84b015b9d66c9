import type { Asked } from '../sessions.ts';
import { type Rewrite, refusal } from './server.ts';

/** Replaces a part of one statement. */
const without =
  (statement: string, part: string | RegExp, replacement = '') =>
  (broke: () => void): Rewrite => ({
    asked(asked: Asked) {
      if (asked.name !== statement) return asked;
      const text = asked.text.replace(part, replacement);
      if (text === asked.text)
        throw new Error(`${statement} is not what it was: a sabotage has to be changed with it`);
      broke();
      return { ...asked, name: `${statement}, broken`, text };
    },
  });

/** One way each to break how the API takes payments and decisions. */
export const API_SABOTAGES = {
  /** A payment is written although its key is taken. */
  'key-not-claimed': without(
    'accept-payments',
    /AND \(key IS NULL OR payment_id IN \(SELECT payment_id FROM claimed\)\)/g,
  ),
  /** The answer of a decision is not stored with its key. */
  'answer-forgotten': without('remember-answer', 'WHERE', 'WHERE false AND'),
  /** A person settles what is settled already, or in another round than the one that was read. */
  'no-compare-and-set': without('resolve-payment', /p\.status = 'needs_review' AND p\.round = /, '0 <> '),
  /** The payment of another user is tried again. */
  'any-user': without(
    'retry-payment',
    /AND \(\$\d+::int IS NULL OR p\.user_id = \$\d+\)/,
    'AND coalesce($2::int, 0) >= 0',
  ),
  /** A lost connection is taken for the server's answer that nothing was done. */
  'unknown-is-undone': (broke: () => void): Rewrite => ({
    lost(error, { name, values = [] }) {
      const [inputs = []] = values as unknown[][];
      if (name !== 'accept-payments' || inputs.length < 2) return error;
      broke();
      return refusal('22P05');
    },
  }),
  /** A decision is answered before it is committed, and then undone. */
  'answered-uncommitted': (broke: () => void): Rewrite => ({
    asked(asked) {
      if (asked.text !== 'COMMIT') return asked;
      broke();
      return { ...asked, text: 'ROLLBACK' };
    },
  }),
};

export type ApiSabotageName = keyof typeof API_SABOTAGES;
export const API_SABOTAGE_NAMES = Object.keys(API_SABOTAGES) as ApiSabotageName[];
