import type { FindUsersPatientOutcome } from '@emr-payments/operations';
import { done, failure, type Outcome } from '../outcome.ts';

type Asked = { publicId: string; mrn: string; dryRun: boolean };
type Found = Extract<FindUsersPatientOutcome, { outcome: 'found' }>;

const BY_FILE = 'Import a file that says which one (patients import).';

/** The patient whom the EMR has, and what became of it here. Both ids go to the terminal and to no log. */
function shown({ mrn, emrPatientId, stored }: Found, { publicId, dryRun }: Asked): Outcome {
  if (stored.outcome === 'replaced') {
    return failure(
      'failed',
      'The connection was changed while the EMR was asked. Nothing was stored: ask again.',
    );
  }
  if (stored.outcome === 'busy') {
    return failure(
      'failed',
      'Another program has just stored this MRN. Nothing was stored: look at it again.',
    );
  }
  const data = {
    user_id: publicId,
    mrn,
    emr_patient_id: emrPatientId,
    stored: stored.outcome,
    stored_before: stored.stored,
    dry_run: dryRun,
  };
  const patient = `EMR patient id ${emrPatientId}`;
  const dry = dryRun ? 'dry run, nothing is written: ' : '';
  switch (stored.outcome) {
    case 'added':
      return done(data, `${dry}added ${patient}`);
    case 'unchanged':
      return done(data, `${dry}unchanged ${patient}`);
    case 'changed':
      return done(data, `${dry}changed ${patient}, which was ${stored.stored}`);
    case 'held_back':
      return {
        exit: 'failed',
        data,
        text: `${dry}held back ${patient}: ${stored.stored} is stored. Check both, then use --allow-changes.`,
      };
  }
}

/** Says what a look-up for a patient came to, and what to do. */
export function showFound(found: FindUsersPatientOutcome, asked: Asked): Outcome {
  const { publicId } = asked;
  switch (found.outcome) {
    case 'found':
      return shown(found, asked);
    case 'none':
      return failure(
        'not_found',
        'No patient of the EMR has exactly this MRN, upper and lower case included.',
      );
    case 'several':
      return failure('refused', `Several patients of the EMR have this MRN. Nothing was stored. ${BY_FILE}`);
    case 'closed':
      return failure(
        'refused',
        `${found.reason} Nothing was stored. If payments belong there, import a file that says so (patients import).`,
      );
    case 'unavailable': {
      const { detail, code, retryAfterMs } = found;
      const later =
        retryAfterMs === undefined ? '' : ` Ask again in ${Math.ceil(retryAfterMs / 1000)} seconds.`;
      return failure(
        'failed',
        `It is not known who has the MRN: ${detail} (${code}) Nothing was stored.${later}`,
      );
    }
    case 'bad_mrn':
      return failure('usage', `The MRN ${found.problem}.`);
    case 'cannot_search':
      return failure(
        'refused',
        `The adapter ${found.adapter} cannot search for patients. Import a file (patients import).`,
      );
    case 'not_usable':
      return failure('failed', `The EMR connection cannot be used: ${found.reason}`);
    case 'sealed':
      return failure('failed', 'No key in ENCRYPTION_KEYS opens the credentials of this connection.');
    case 'no_connection':
      return failure('refused', `The user ${publicId} has no connection.`);
    case 'no_user':
      return failure('not_found', `There is no user ${publicId}.`);
  }
}
