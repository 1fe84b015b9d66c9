import type { ChangeConnectionBody } from '@emr-payments/contracts/operator';
import type { Actor, SyncRunRecord } from '@emr-payments/db';
import {
  type ConnectionOwner,
  OTHER_PRACTICE,
  type SetUpInput,
  type SetUpRefusal,
  type ShownUser,
  type UserCheckOutcome,
} from '@emr-payments/operations';
import { healthView } from '../../connection/connection-view.ts';
import { syncView } from '../../sync/sync-view.ts';
import { badField, type Refused } from '../answers.ts';

/** The part of a body that describes a connection. */
export type ConnectionBody = ChangeConnectionBody;

/** Postings to one EMR at the same time, when the body does not say it. As the command line has it. */
const CONCURRENCY = 4;

/** Reads what is to be set up out of a body. */
export function setUpFrom(
  body: ConnectionBody,
  { owner, by }: { owner: ConnectionOwner; by: Actor },
): SetUpInput {
  return {
    owner,
    by,
    adapter: body.adapter,
    baseUrl: body.base_url,
    timeZone: body.time_zone,
    credentials: body.credentials ?? {},
    settings: body.settings ?? {},
    concurrency: body.concurrency ?? CONCURRENCY,
    ratePerSecond: body.rate_per_second,
    shareEmrText: body.share_emr_text,
    // An operator may connect an EMR in a network of its own, as by the command line.
    guarded: false,
    setsLimits: true,
    allowPlainHttp: body.allow_plain_http ?? false,
    allowOtherPractice: body.allow_other_practice ?? false,
    check: body.check ?? true,
  };
}

/** Says in an error of the catalogue why a connection was not saved. */
export function refusalOf(refusal: SetUpRefusal): Refused {
  switch (refusal.outcome) {
    case 'no_client':
      return { outcome: 'refused', code: 'record_not_found', details: { record: 'client' } };
    case 'no_user':
      return { outcome: 'refused', code: 'record_not_found', details: { record: 'user' } };
    case 'unknown_time_zone':
      return badField('time_zone', 'must be the name of a time zone, such as America/New_York');
    case 'wrong_base_url':
      return badField('base_url', `must be an address that can be used: ${refusal.reason}`);
    case 'address_refused':
      return badField(refusal.address === 'base_url' ? 'base_url' : 'credentials', refusal.reason);
    case 'plain_http':
      return badField(
        refusal.address === 'base_url' ? 'base_url' : 'credentials',
        `${refusal.address} must be https; with allow_plain_http it may be http on another machine`,
      );
    case 'no_adapter':
      return badField('adapter', 'must be given: the user has no connection whose adapter it could keep');
    case 'unknown_adapter':
      return badField('adapter', 'must be the name of an adapter of docs/emrs.md');
    case 'wrong_host':
    case 'wrong_settings':
    case 'wrong_credentials':
    case 'cannot_open':
    case 'not_working':
      return { outcome: 'refused', code: 'connection_refused', details: { reason: refusal.reason } };
    case 'other_practice':
      return {
        outcome: 'refused',
        code: 'connection_refused',
        details: { reason: `${OTHER_PRACTICE} If that is right, send allow_other_practice: true.` },
      };
  }
}

/** Shows the last sync of a connection. */
const lastSyncView = (run: SyncRunRecord) => ({
  job_id: run.jobId,
  status: run.state,
  ...syncView(run),
  created_at: run.createdAt.toISOString(),
  ended_at: run.endedAt?.toISOString() ?? null,
});

/** Shows a connection in the form of the API; null when the user has none. */
export function connectionView({ user, connection, health, broken }: ShownUser) {
  if (connection === null || health === null) return null;
  const { stored, plainHttp, login } = connection;
  const rate = stored.lane.ratePerSecond;
  return {
    user_id: user.publicId,
    client_id: user.client.clientId,
    adapter: stored.adapter,
    base_url: stored.baseUrl,
    plain_http: plainHttp,
    login,
    health: healthView(health.health),
    waiting: broken?.waiting ?? 0,
    time_zone: stored.timeZone,
    settings: stored.settings as Record<string, unknown>,
    concurrency: stored.lane.concurrency,
    rate_per_second: rate === null ? null : Number(rate),
    share_emr_text: stored.shareEmrText,
    last_sync: connection.sync === null ? null : lastSyncView(connection.sync),
    updated_at: stored.updatedAt.toISOString(),
  };
}

const NOTHING = {
  capability: null,
  payment_methods: null,
  locations: null,
  changed: [],
  remarks: [],
  unusable: [],
};

/** Shows the result of trying a connection, or says why it could not be tried. */
export function checkView(
  checked: Exclude<UserCheckOutcome, { outcome: 'no_user' }>,
  { publicId }: { publicId: string },
) {
  switch (checked.outcome) {
    case 'works':
      return {
        user_id: publicId,
        works: true,
        reason: null,
        capability: checked.capability,
        payment_methods: checked.methods,
        locations: checked.locations,
        changed: [...checked.changed],
        remarks: [...checked.remarks],
        unusable: [...checked.unusable],
      };
    case 'not_working':
      return { user_id: publicId, works: false, reason: checked.reason, ...NOTHING };
    case 'sealed':
      return { refused: 'No key in ENCRYPTION_KEYS opens the credentials of this connection.' };
    case 'replaced':
      return { refused: 'The connection was changed while it was checked. Check it again.' };
    case 'no_connection':
      return { refused: 'The user has no connection.' };
  }
}
