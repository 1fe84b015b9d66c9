/** Removes from a text what the usual collations of databases do not compare: case and accents. */
export const folded = (text: string): string => text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
