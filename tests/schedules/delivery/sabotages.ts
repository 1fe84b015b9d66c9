import type { Sabotage } from '../../crash/proofs/sabotages.ts';
import { SABOTAGES } from '../../crash/proofs/sabotages.ts';

const { 'no-outbox': sweeperForgets, 'no-second-delivery': noSecond } = SABOTAGES;

/** One way each to break the protocol of deliveries. */
export const DELIVERY_SABOTAGES = {
  'no-fence-at-record': {
    steps: (correct, broke) => ({
      async recordDelivery(deps, record) {
        const { rows } = await deps.database.pool.query<{ fence: number }>({
          text: 'SELECT fence FROM jobs WHERE id = $1',
          values: [record.claim.jobId],
        });
        const { fence = record.claim.fence } = rows[0] ?? {};
        if (fence !== record.claim.fence) broke();
        return correct.recordDelivery(deps, { ...record, claim: { ...record.claim, fence } });
      },
    }),
  },
  'sweeper-forgets': sweeperForgets,
  'no-second-delivery': noSecond,
  'sent-to-disabled': {
    steps: (correct, broke) => ({
      async claimDelivery(deps, asked) {
        const claimed = await correct.claimDelivery(deps, asked);
        if (claimed === null || claimed.endpoint.enabled || claimed.endpoint.secrets.length === 0)
          return claimed;
        broke();
        return { ...claimed, endpoint: { ...claimed.endpoint, enabled: true } };
      },
    }),
  },
  'failure-counts-as-delivered': {
    steps: (correct, broke) => ({
      recordDelivery(deps, record) {
        if (record.attempt?.httpStatus !== 500) return correct.recordDelivery(deps, record);
        broke();
        return correct.recordDelivery(deps, { ...record, next: { status: 'delivered' }, disabling: null });
      },
    }),
  },
  'secret-kept': {
    steps(correct, broke) {
      const kept = new Map<string, { id: string; sealed: string }[]>();
      return {
        async claimDelivery(deps, asked) {
          const claimed = await correct.claimDelivery(deps, asked);
          if (claimed === null || !claimed.endpoint.enabled) return claimed;
          const { id, secrets } = claimed.endpoint;
          const first = kept.get(id) ?? secrets;
          kept.set(id, first);
          if (first[0]?.id !== secrets[0]?.id) broke();
          return { ...claimed, endpoint: { ...claimed.endpoint, secrets: first } };
        },
      };
    },
  },
  'moved-not-noticed': {
    steps: (correct, broke) => ({
      recordDelivery(deps, record) {
        if (record.disabling === null) return correct.recordDelivery(deps, record);
        broke();
        return correct.recordDelivery(deps, {
          ...record,
          disabling: { ...record.disabling, url: null as never },
        });
      },
    }),
  },
} as const satisfies Record<string, Sabotage>;

export type DeliverySabotageName = keyof typeof DELIVERY_SABOTAGES;
