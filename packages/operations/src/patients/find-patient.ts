import { normalMrn, type OurSentence } from '@emr-payments/contracts';
import {
  type Actor,
  type Database,
  type Exchange,
  findConnection,
  findUser,
  noteExchange,
  openCredentials,
  recordAudit,
  type StoredPatient,
  storeFoundPatient,
} from '@emr-payments/db';
import { type EmrAdapter, exchangeOf, type FindPatientOutcome, type Networks } from '@emr-payments/emr';
import type { SandboxHosts } from '@emr-payments/outbound';
import type { Keyring } from '@emr-payments/runtime';
import { checkingDeps, openOver, type SharedAdapterDeps } from '../connections/adapter-deps.ts';
import { clientModeRule } from '../connections/client-mode.ts';
import { problemOf } from './read-rows.ts';

/** Longest time for all the calls of one look-up: some EMRs take a minute for a call, and give a list in pages. */
const FIND_MS = 120_000;

export type FindUsersPatientOutcome =
  /** `stored`: what became of it, by the rules of an import. */
  | { outcome: 'found'; mrn: string; emrPatientId: string; stored: StoredPatient }
  | { outcome: 'none' }
  | { outcome: 'several' }
  | { outcome: 'closed'; reason: OurSentence }
  | { outcome: 'unavailable'; code: string; detail: OurSentence; retryAfterMs?: number }
  /** The text is no MRN. `problem` follows it: `is …`. */
  | { outcome: 'bad_mrn'; problem: string }
  /** The adapter has no search for patients. */
  | { outcome: 'cannot_search'; adapter: string }
  /** The connection cannot be opened as it is set up. `reason` is for the operator. */
  | { outcome: 'not_usable'; reason: string }
  /** No key of the keyring opens the credentials. */
  | { outcome: 'sealed' }
  | { outcome: 'no_connection' }
  | { outcome: 'no_user' };

type Asked = FindPatientOutcome | { outcome: 'cannot_search' } | { outcome: 'not_usable'; reason: string };

/** Asks the EMR once. */
async function ask(
  shared: SharedAdapterDeps,
  { mrn, ...connection }: Parameters<typeof openOver>[1] & { mrn: string },
): Promise<Asked> {
  let adapter: EmrAdapter;
  try {
    adapter = openOver(shared, connection);
  } catch (error) {
    return { outcome: 'not_usable', reason: `${(error as Error).message}.` };
  }
  if (adapter.findPatient === undefined) return { outcome: 'cannot_search' };
  try {
    return await adapter.findPatient({ mrn }, { signal: AbortSignal.timeout(FIND_MS) });
  } finally {
    // A renewal of a token may still be running: what the vendor gives is stored before the process ends.
    await shared.settled();
  }
}

/** Takes from a look-up what it says about the connection. */
function exchangeIn(asked: Asked): Exchange {
  if (asked.outcome === 'unavailable') return exchangeOf(asked);
  return { kind: asked.outcome === 'cannot_search' || asked.outcome === 'not_usable' ? 'none' : 'answered' };
}

/**
 * Looks for the patient of a user who has an MRN, and stores the one whom the EMR has, by the rules of an import. Every look-up that
 * reached the EMR's answer is in the audit log, without the MRN.
 */
export async function findUsersPatient(
  deps: { database: Database; keyring: Keyring; sandboxHosts: SandboxHosts; networks?: Networks },
  input: { publicId: string; mrn: string; allowChanges: boolean; dryRun: boolean; by: Actor },
): Promise<FindUsersPatientOutcome> {
  const { database, keyring } = deps;
  const { publicId, allowChanges, dryRun, by } = input;
  const user = await findUser({ database }, { publicId });
  if (user === null) return { outcome: 'no_user' };
  const connection = await findConnection({ database }, { userId: user.id });
  if (connection === null) return { outcome: 'no_connection' };
  const mrn = normalMrn(input.mrn);
  const problem = problemOf(mrn);
  if (problem !== null) return { outcome: 'bad_mrn', problem };

  let credentials: Record<string, string>;
  try {
    credentials = openCredentials(keyring, connection);
  } catch {
    return { outcome: 'sealed' };
  }
  const refused = clientModeRule(deps)(connection, credentials);
  if (refused !== null) return { outcome: 'not_usable', reason: `${refused}.` };
  const shared = checkingDeps(deps, { givesCredentials: false });
  const beganAt = performance.now();
  const asked = await ask(shared, { ...connection, credentials, mrn });
  const exchange = exchangeIn(asked);
  const agoMs = performance.now() - beganAt;
  await noteExchange({ database }, { connection, exchange, subject: 'other', agoMs });

  switch (asked.outcome) {
    case 'cannot_search':
      return { outcome: 'cannot_search', adapter: connection.adapter };
    case 'not_usable':
      return asked;
    case 'found': {
      const { emrPatientId } = asked;
      const stored = await storeFoundPatient(
        { database },
        {
          ...{ userId: user.id, publicId, mrn, emrPatientId, allowChanges, by },
          connectionVersion: connection.version,
          write: !dryRun,
        },
      );
      return { outcome: 'found', mrn, emrPatientId, stored };
    }
    default:
      await recordAudit(
        { database },
        {
          ...by,
          action: 'patients.find',
          subject: `patients:${publicId}`,
          outcome: 'done',
          detail: { found: asked.outcome, dry_run: dryRun },
        },
      );
      return asked;
  }
}
