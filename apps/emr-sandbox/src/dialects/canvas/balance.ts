import type { Capabilities } from '../../capabilities.ts';
import type { Ledger } from '../../ledger.ts';

/** The balance of every patient unless the capability `patient_owes` says otherwise: more than anybody pays in tests. */
const OWES_DOLLARS = 1e11;

/** Keeps what patients still owe: every posting of the ledger lessens it, in whatever dialect it came. */
export function createBalances({ ledger, capabilities }: { ledger: Ledger; capabilities: Capabilities }) {
  const paidCents = new Map<string, number>();
  let counted = 0;
  return {
    /** @returns cents. */
    owedBy(patientId: string): number {
      for (const { posting } of ledger.entries.slice(counted)) {
        const cents = Math.round(Number(posting.amount) * 100);
        paidCents.set(posting.patientId, (paidCents.get(posting.patientId) ?? 0) + cents);
      }
      counted = ledger.size();
      const owes = capabilities.current.patient_owes ?? OWES_DOLLARS;
      return Math.round(owes * 100) - (paidCents.get(patientId) ?? 0);
    },
  };
}
