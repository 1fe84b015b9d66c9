import { sentence } from '@emr-payments/contracts';
import type { ClaimedSync } from '@emr-payments/db';
import { expect, test } from 'vitest';
import { afterTrouble } from './sync-policy.ts';

/** What `afterTrouble` reads of a run: in the middle of a list of all patients, without a trouble so far. */
const AT_A_PAGE = { phase: 'patients', cursor: 'p2', since: null, tries: 0, troubleForMs: null };

const after = (run: Partial<ClaimedSync>, code: Parameters<typeof afterTrouble>[1]['code']) =>
  afterTrouble({ ...AT_A_PAGE, ...run } as ClaimedSync, { code, detail: sentence`It was in the way.` });

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
