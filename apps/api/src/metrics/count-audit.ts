import type { Registry } from '@emr-payments/runtime/metrics';
import { Counter } from 'prom-client';

/** Counts what an operator has to know of the audit log. */
export type CountedAudit = {
  /** Counts a write of the audit log that failed and will be repeated. */
  auditNotWritten(): void;
  /** Counts requests for what another tenant has: `tenant.refused` in the audit log. */
  tenantRefused(count: number): void;
};

export function countAudit(registry: Registry): CountedAudit {
  const registers = [registry];
  const failures = new Counter({
    name: 'emr_payments_audit_write_failures_total',
    help: 'Writes of the audit log that failed; what they had to write is kept and written later.',
    registers,
  });
  const refused = new Counter({
    name: 'emr_payments_tenant_refusals_total',
    help: "Requests for ids that are another tenant's; the audit log has them as tenant.refused.",
    registers,
  });
  return {
    auditNotWritten: () => failures.inc(),
    tenantRefused: (count) => refused.inc(count),
  };
}
