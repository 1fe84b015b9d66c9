import type { RejectionEvidence } from '@emr-payments/db';

/**
 * The effect of a rejection of the credentials, as it was noted.
 * - `stops`: the broken login stops the connection;
 * - `goes_on`: the connection goes on over the same credentials;
 * - `unknown`: the credentials were replaced since, or the rejection could not be noted.
 */
export type Rejection = 'stops' | 'goes_on' | 'unknown';

/**
 * The effect of a rejection on the payment's limits, which are its retry horizon and the time that an EMR has to confirm what it accepted.
 * - `waits`: it waits behind the broken login, and the horizon begins again with the next answer;
 * - `begins_again`: only a person can remove the trouble, which says nothing about the payment;
 * - `runs`: it is known that the EMR rejects this payment alone, so the time counts;
 * - `may_end`: the same, and the EMR has accepted the same credentials since the last rejection, so the payment may be ended now.
 */
export type LimitsAfter = 'waits' | 'begins_again' | 'runs' | 'may_end';

/**
 * Decides by evidence whether a rejection counts against the payment.
 *
 * | rejection | accepted since the last one | accepted between two earlier ones | neither        |
 * | --------- | --------------------------- | --------------------------------- | -------------- |
 * | `stops`   | `waits`                     | `waits`                           | `waits`        |
 * | `goes_on` | `may_end`                   | `runs`                            | `begins_again` |
 * | `unknown` | `begins_again`              | `begins_again`                    | `begins_again` |
 *
 * The evidence is about exchanges over the credentials that the payment was claimed with.
 */
export function limitsAfter(rejection: Rejection, { acceptedSince, proven }: RejectionEvidence): LimitsAfter {
  if (rejection === 'stops') return 'waits';
  if (rejection === 'unknown') return 'begins_again';
  if (acceptedSince) return 'may_end';
  return proven ? 'runs' : 'begins_again';
}
