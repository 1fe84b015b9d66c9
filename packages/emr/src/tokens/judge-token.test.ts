import { expect, test } from 'vitest';
import { judgeToken, type NextStep, type Wish } from './judge-token.ts';
import type { StoredToken } from './token-store.ts';

type Pair = NonNullable<StoredToken['pair']>;
const pair = (change: Partial<Pair> = {}): Pair => ({
  accessToken: 'a',
  refreshToken: 'r',
  afterRejection: false,
  ageMs: 60_000,
  lifetimeMs: 3_600_000,
  remainingMs: 3_000_000,
  ...change,
});
const LATE = pair({ remainingMs: 30_000 });
const DEAD = pair({ remainingMs: -1 });

test.each<[string, Partial<StoredToken>, Partial<Wish>, NextStep['step']]>([
  ['a token of an hour with more than a minute left', { pair: pair({ remainingMs: 60_001 }) }, {}, 'use'],
  ['one with a minute left', { pair: pair({ remainingMs: 60_000 }) }, {}, 'renew'],
  [
    'one of 4 s with more than a second left',
    { pair: pair({ lifetimeMs: 4000, remainingMs: 1001 }) },
    {},
    'use',
  ],
  ['one of 4 s with a second left', { pair: pair({ lifetimeMs: 4000, remainingMs: 1000 }) }, {}, 'renew'],
  ['no token', { pair: null }, {}, 'renew'],
  ['no token while another fetches it', { pair: null, leased: true }, {}, 'wait'],
  ['a late one while another renews it', { pair: LATE, leased: true }, {}, 'use'],
  ['a late one after a failure', { pair: LATE }, { quiet: true }, 'use'],
  ['a late one while no call may be made', { pair: LATE, waitMs: 9 }, {}, 'use'],
  ['a late one whose login has ended', { pair: LATE, state: 'login_required' }, {}, 'use'],
  ['a dead one while another renews it', { pair: DEAD, leased: true }, {}, 'wait'],
  ['a dead one after a failure', { pair: DEAD }, { quiet: true }, 'renew'],
  ['a dead one while no call may be made', { pair: DEAD, waitMs: 9 }, {}, 'fail'],
  ['a dead one whose login has ended', { pair: DEAD, state: 'login_required' }, {}, 'fail'],
  [
    'a login that has ended, for an operator',
    { pair: DEAD, state: 'login_required' },
    { retriesLogin: true },
    'renew',
  ],
  [
    'a short one that was just renewed',
    { pair: pair({ lifetimeMs: 60, remainingMs: 5 }) },
    { renewed: true },
    'use',
  ],
  ['one that is dead when it comes', { pair: DEAD }, { renewed: true }, 'fail'],
  ['a rejected one', { pair: pair() }, { rejected: 'a' }, 'renew'],
  ['a rejected one that was replaced', { pair: pair() }, { rejected: 'before' }, 'use'],
  ['a rejected one while another renews it', { pair: pair(), leased: true }, { rejected: 'a' }, 'wait'],
  ['the same one again from the vendor', { pair: pair() }, { rejected: 'a', renewed: true }, 'fail'],
  [
    'one that replaced a rejected one just now',
    { pair: pair({ afterRejection: true, ageMs: 4999 }) },
    { rejected: 'a' },
    'fail',
  ],
  [
    'one that replaced a rejected one before',
    { pair: pair({ afterRejection: true, ageMs: 5000 }) },
    { rejected: 'a' },
    'renew',
  ],
  [
    'one of a time to come, after the clock of the database was set back',
    { pair: pair({ afterRejection: true, ageMs: -3_600_000 }) },
    { rejected: 'a' },
    'renew',
  ],
])('%s: the next step', (_what, stored, wish, step) => {
  const next = judgeToken(
    { pair: null, generation: 1, state: 'good', leased: false, waitMs: 0, ...stored },
    { rejected: undefined, renewed: false, quiet: false, retriesLogin: false, ...wish },
  );
  expect(next.step).toBe(step);
});
