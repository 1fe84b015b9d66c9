import type { Part } from './part.ts';
import { accept } from './parts/accept.ts';
import { cost } from './parts/cost.ts';
import { endToEnd } from './parts/end-to-end.ts';
import { fairness } from './parts/fairness.ts';
import { fairnessBurst } from './parts/fairness-burst.ts';
import { fairnessFloods } from './parts/fairness-floods.ts';
import { fairnessReads } from './parts/fairness-reads.ts';
import { fairnessRecover } from './parts/fairness-recover.ts';
import { growth } from './parts/growth.ts';
import { profile } from './parts/profile.ts';
import { recovery } from './parts/recovery.ts';
import { redeliver } from './parts/redeliver.ts';
import { send } from './parts/send.ts';
import { singleTenant } from './parts/single-tenant.ts';
import { slowEmr } from './parts/slow-emr.ts';

/** All parts of the bench, in the order in which they run. */
export const PARTS: Readonly<Record<string, Part>> = {
  accept,
  'end-to-end': endToEnd,
  send,
  'single-tenant': singleTenant,
  redeliver,
  'slow-emr': slowEmr,
  fairness,
  'fairness-burst': fairnessBurst,
  'fairness-reads': fairnessReads,
  'fairness-floods': fairnessFloods,
  'fairness-recover': fairnessRecover,
  growth,
  recovery,
  cost,
  profile,
};
