import type { OurSentence } from '@emr-payments/contracts';
import type { Trouble } from './trouble.ts';

/** An entry of one of the EMR's own lists. */
export type EmrCode = { id: string; name: string };

/**
 * A payment method of the practice. `needs`: data that the EMR demands for it and that neither a payment nor the connection's
 * settings supply, such as `the last four digits of the card`. A payment with it is refused before anything is sent.
 */
export type EmrMethod = EmrCode & { needs?: string };

/** A location of the practice, and the identifiers by which people call it. */
export type EmrLocation = EmrCode & { identifiers: readonly string[] };

/**
 * A practice's payment methods and locations: the names that a payment may give. `anyMethod`, `anyLocation`: the EMR has no place
 * for it, so its list is empty and every name is taken.
 */
export type EmrLists = {
  methods: readonly EmrMethod[];
  locations: readonly EmrLocation[];
  anyMethod?: true;
  anyLocation?: true;
};

/** Names of the payment resolved to the EMR's ids. Resolving writes nothing in the EMR. */
export type ResolveOutcome =
  | { outcome: 'resolved'; method: EmrCode; location: EmrCode }
  | {
      outcome: 'refused';
      code: 'unknown_payment_method' | 'method_needs_data' | 'unknown_location';
      reason: OurSentence;
    }
  | ({ outcome: 'not_sent' } & Trouble);

/** All names that `resolve` accepts. */
export type ListOutcome = ({ outcome: 'listed' } & EmrLists) | ({ outcome: 'not_sent' } & Trouble);
