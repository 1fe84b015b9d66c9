import type { EmrText } from '@emr-payments/operations';
import { plain } from './table.ts';

const NOTICE = "The EMR's own words. They may hold patient data: pass them on only to people who may see it.";

/**
 * Shows the EMR's own words about a payment's attempts, or says that there are some.
 *
 * @param input.texts null: they were not requested.
 * @param input.sealed how many attempts have such words.
 * @returns `data` for the JSON document, and a text that is empty when there is nothing to say.
 */
export function emrDetail({ texts, sealed }: { texts: readonly EmrText[] | null; sealed: number }): {
  data: object;
  text: string;
} {
  if (texts === null) {
    return {
      data: {},
      text: sealed === 0 ? '' : 'The EMR gave words of its own. They are sealed; --emr-detail shows them.',
    };
  }
  if (texts.length === 0) {
    return {
      data: { emr_detail: [] },
      text: "There are no words of the EMR's own, or they have been pruned.",
    };
  }
  const lines = texts.map((one) =>
    'text' in one
      ? `attempt ${one.number}: ${plain(one.text)}`
      : `attempt ${one.number}: no key in ENCRYPTION_KEYS opens this; it was sealed with the key '${plain(one.sealedWith)}'`,
  );
  return {
    data: {
      emr_detail_notice: NOTICE,
      emr_detail: texts.map((one) => ({
        number: one.number,
        ...('text' in one ? { text: one.text } : { text: null, sealed_with: one.sealedWith }),
      })),
    },
    text: ['EMR DETAIL', NOTICE, ...lines].join('\n'),
  };
}
