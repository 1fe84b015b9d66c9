/** EMRs that can be asked, that honour a key, that do both, and that do neither. */
export const EMR_KINDS = [
  'conditional-create',
  'conditional-create without a search',
  'lookup',
  'none',
] as const;
export type EmrKind = (typeof EMR_KINDS)[number];
