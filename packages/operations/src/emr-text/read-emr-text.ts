import { paymentIdToUuid } from '@emr-payments/contracts';
import { type Actor, type Database, emrTextRow, recordAudit } from '@emr-payments/db';
import { type Keyring, open } from '@emr-payments/runtime';

/** The EMR's own words about one attempt: in clear, or the id of the key that sealed them when no key opens them. */
export type EmrText = { number: number } & ({ text: string } | { sealedWith: string });

/**
 * Opens the EMR's own words about a payment's attempts. They can hold patient data, so who reads them is written into the
 * audit log first: without that entry nothing is returned.
 *
 * @param input.paymentId 32 hex digits.
 * @param input.sealed the attempts that have such words.
 */
export async function readEmrText(
  { database, keyring }: { database: Database; keyring: Keyring },
  {
    paymentId,
    sealed,
    by,
  }: { paymentId: string; sealed: readonly { number: number; emrText: string }[]; by: Actor },
): Promise<EmrText[]> {
  const id = paymentIdToUuid(paymentId);
  const texts = sealed.map(({ number, emrText }): EmrText => {
    try {
      return { number, text: open(keyring, emrTextRow({ paymentId: id, number }), emrText) };
    } catch {
      // The wrong key, or a value that was altered: the id of its key says which key to look for.
      return { number, sealedWith: emrText.split('.', 1)[0] ?? '' };
    }
  });
  const opened = texts.filter((each) => 'text' in each).length;
  await recordAudit(
    { database },
    {
      ...by,
      action: 'payment.emr_detail',
      subject: `payment:${paymentId}`,
      outcome: opened === texts.length ? 'done' : 'failed',
      detail: { opened, unopened: texts.length - opened },
    },
  );
  return texts;
}
