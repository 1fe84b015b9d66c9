/**
 * Names the row that an EMR's own words about a posting attempt are sealed for.
 *
 * @param input.paymentId a uuid.
 * @param input.number the attempt's stored number.
 */
export const emrTextRow = ({ paymentId, number }: { paymentId: string; number: number }): string =>
  `emr_text:${paymentId}:${number}`;
