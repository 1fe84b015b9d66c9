import { type AuditDetail, clip } from '../audit/entry.ts';
import type { EndpointRecord } from './endpoint-record.ts';

/** Fields that are left out keep their value. */
export type EndpointChanges = {
  /** Already checked by the guard of packages/webhooks. A new URL starts without the failures of the old one. */
  url?: string | undefined;
  description?: string | null | undefined;
  eventTypes?: readonly string[] | undefined;
  thin?: boolean | undefined;
  ratePerSecond?: number | null | undefined;
  enabled?: boolean | undefined;
};

/** The column has three decimal places. */
const stored = (rate: number | null): number | null => (rate === null ? null : Number(rate.toFixed(3)));

/** Returns the fields of `changes` whose value is not the endpoint's already. */
export function differing(endpoint: EndpointRecord, changes: EndpointChanges): EndpointChanges {
  const { url, description, eventTypes, thin, ratePerSecond, enabled } = changes;
  const isEnabled = endpoint.disabledAt === null;
  return {
    ...(url === undefined || url === endpoint.url ? {} : { url }),
    ...(description === undefined || description === endpoint.description ? {} : { description }),
    ...(eventTypes === undefined || isSame(eventTypes, endpoint.eventTypes) ? {} : { eventTypes }),
    ...(thin === undefined || thin === endpoint.thin ? {} : { thin }),
    ...(ratePerSecond === undefined || stored(ratePerSecond) === endpoint.ratePerSecond
      ? {}
      : { ratePerSecond }),
    ...(enabled === undefined || enabled === isEnabled ? {} : { enabled }),
  };
}

const isSame = (one: readonly string[], other: readonly string[]): boolean =>
  one.length === other.length && one.every((type, n) => type === other[n]);

/** Describes changes for the audit log. */
export function auditDetail(changes: EndpointChanges): AuditDetail {
  const { url, description, eventTypes, thin, ratePerSecond, enabled } = changes;
  return {
    ...(url === undefined ? {} : { host: clip(URL.parse(url)?.host ?? '') }),
    ...(description === undefined ? {} : { description: 'changed' }),
    ...(eventTypes === undefined ? {} : { event_types: eventTypes.join(' ') }),
    ...(thin === undefined ? {} : { thin }),
    ...(ratePerSecond === undefined ? {} : { rate_per_second: ratePerSecond }),
    ...(enabled === undefined ? {} : { enabled }),
  };
}
