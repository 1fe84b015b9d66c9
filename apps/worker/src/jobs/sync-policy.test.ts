import { sentence } from '@emr-payments/contracts';
import type { ClaimedSync } from '@emr-payments/db';
import type { PatientTrouble } from '@emr-payments/emr';
import { expect, test } from 'vitest';
import { afterTrouble } from './sync-policy.ts';

/** What `afterTrouble` reads of a run: in the middle of a list of all patients, without a trouble so far. */
const AT_A_PAGE = { phase: 'patients', cursor: 'p2', since: null, tries: 0, troubleForMs: null };

const after = (run: Partial<ClaimedSync>, code: PatientTrouble['code'], stopped = false) =>
  afterTrouble({ ...AT_A_PAGE, ...run } as ClaimedSync, {
    trouble: { code, detail: sentence`It was in the way.` },
    stopped,
  });

test('a list that has to be read again is read again at once, and not asked for the same place for a day', () => {
  expect(after({}, 'cursor_expired')).toEqual({ outcome: 'restart' });
  expect(after({ cursor: null, since: 'mark' }, 'cursor_expired')).toEqual({ outcome: 'restart' });
  // Without a place nothing would change by it.
  expect(after({ cursor: null }, 'cursor_expired')).toMatchObject({ outcome: 'put_off' });
});

test('an EMR that refuses a place is asked again first, and one that is down keeps it', () => {
  expect(after({}, 'unexpected_status')).toMatchObject({ outcome: 'put_off' });
  expect(after({ tries: 2 }, 'unexpected_status')).toEqual({ outcome: 'restart' });
  expect(after({ tries: 99 }, 'timeout')).toMatchObject({ outcome: 'put_off' });
});

test('an EMR without a list of patients ends the sync at once, and one that refuses it when it has said so three times', () => {
  const first = { cursor: null } as const;
  const ended = {
    outcome: 'end',
    end: {
      state: 'failed',
      trouble: {
        code: 'connection_misconfigured',
        reason:
          'The EMR does not give this connection its list of patients, so only its names were read. It was in the way.',
      },
    },
  };
  expect(after(first, 'connection_misconfigured')).toEqual(ended);
  expect(after({ ...first, since: 'mark' }, 'connection_misconfigured')).toEqual(ended);
  for (const code of ['forbidden', 'emr_refused'] as const) {
    expect(after(first, code)).toMatchObject({ outcome: 'put_off' });
    expect(after({ ...first, tries: 2 }, code)).toMatchObject({ outcome: 'end', end: { state: 'failed' } });
  }
  // The names are read all the same, and an EMR that is down may have a list.
  expect(after({ ...first, phase: 'names' }, 'connection_misconfigured')).toMatchObject({
    outcome: 'put_off',
  });
  expect(after({ ...first, tries: 99 }, 'timeout')).toMatchObject({ outcome: 'put_off' });
  // In the middle of a list it is the place, and a refused time is left out first.
  expect(after({ ...first, since: 'mark', tries: 2 }, 'emr_refused')).toEqual({ outcome: 'restart' });
  expect(after({ tries: 2 }, 'connection_misconfigured')).toEqual({ outcome: 'restart' });
});

test('behind a broken login a sync waits, however long its troubles have lasted', () => {
  const days = { troubleForMs: 3 * 24 * 3_600_000 };
  expect(after(days, 'unauthorized', true)).toMatchObject({ outcome: 'put_off' });
  expect(after(days, 'unauthorized')).toMatchObject({ outcome: 'end', end: { state: 'failed' } });
});
