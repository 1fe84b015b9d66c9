import { sentence } from '@emr-payments/contracts';
import { expect, test } from 'vitest';
import {
  afterNewValues,
  type Exchange,
  type ExchangeSubject,
  firstHealth,
  HEALTH_POLICY,
  type Health,
  nextHealth,
} from './next-state.ts';

const START = new Date('2026-06-15T10:00:00Z');
const at = (ms: number) => new Date(START.getTime() + ms);
const MINUTE = 60_000;

const HEALTHY: Health = { ...firstHealth({ since: START }), lastSuccessAt: START };
const answered: Exchange = { kind: 'answered' };
const down: Exchange = { kind: 'down', code: 'timeout', detail: sentence`It was late.` };
const login: Exchange = { kind: 'login', code: 'unauthorized', detail: sentence`It was rejected.` };
const hampered: Exchange = { kind: 'hampered', code: 'forbidden', detail: sentence`It is forbidden.` };

type Said = { after: number; exchange: Exchange; beganAfter?: number; subject?: ExchangeSubject };

/** Plays exchanges, each at its time. @returns the last state, and what was published. */
function play(said: readonly Said[], from: Health = HEALTHY) {
  let health = from;
  const events: string[] = [];
  let writes = 0;
  for (const { after, exchange, beganAfter = after, subject = 'payment' } of said) {
    const next = nextHealth(health, { exchange, subject, now: at(after), beganAt: at(beganAfter) });
    if (next === null) continue;
    writes += 1;
    health = next.health;
    if (next.event !== null) events.push(`${next.event} ${health.outages}`);
  }
  return { health, events, writes };
}
const many = (exchange: Exchange, times: readonly number[]): Said[] =>
  times.map((after) => ({ after, exchange }));
const every = (ms: number, count: number, from = 0): number[] =>
  Array.from({ length: count }, (_, n) => from + n * ms);

test('a rejected login breaks at once and stops the connection for an hour; those under way change nothing', () => {
  const { health, events, writes } = play(many(login, [1, 2, 3, 30 * MINUTE]));
  expect([events, writes]).toEqual([['broken 1'], 1]);
  expect(health).toMatchObject({ state: 'login_required', since: at(1), outageOpen: true });
  expect(health.stoppedUntil).toEqual(at(1 + HEALTH_POLICY.loginStopMs));
});

test('a probe that is rejected stops it for another hour, in the same outage; one that is answered restores', () => {
  const hour = HEALTH_POLICY.loginStopMs;
  const { health, events } = play([
    ...many(login, [0, hour + 1, 2 * hour + 2]),
    { after: 3 * hour + 3, exchange: answered },
  ]);
  expect(events).toEqual(['broken 1', 'restored 1']);
  expect(health).toMatchObject({
    state: 'connected',
    stoppedUntil: null,
    outageOpen: false,
    loginEndedAt: at(3 * hour + 3),
  });
});

test('an answer to an exchange from before the login was broken restores nothing, and a late rejection breaks nothing', () => {
  const broken = play([{ after: 10, exchange: login }]).health;
  expect(play([{ after: 20, exchange: answered, beganAfter: 5 }], broken).writes).toBe(0);
  const saved = afterNewValues(broken);
  const mended = play([{ after: 20, exchange: answered, beganAfter: 15 }], saved);
  expect(mended.events).toEqual(['restored 1']);
  expect(play([{ after: 30, exchange: login, beganAfter: 12 }], mended.health).writes).toBe(0);
  expect(play([{ after: 30, exchange: login, beganAfter: 25 }], mended.health).events).toEqual(['broken 2']);
});

test('an EMR is unreachable after five exchanges and two minutes with nothing but failures', () => {
  // Many at once are one moment, and few over a long time are few.
  expect(play(many(down, every(10, 500))).health.state).toBe('degraded');
  expect(play(many(down, every(10 * MINUTE, 4))).health.state).toBe('degraded');
  const long = play(many(down, every(40_000, 5)));
  expect([long.health.state, long.events]).toEqual(['unreachable', ['broken 1']]);
  expect(long.health.since).toEqual(at(160_000));
  // One answer in between begins the count again.
  const mixed = [
    ...many(down, every(40_000, 4)),
    { after: 150_000, exchange: answered },
    { after: 160_000, exchange: down },
  ];
  expect(play(mixed)).toMatchObject({ health: { state: 'degraded', failures: 1 }, events: [] });
});

test('an EMR that answers again is restored by the first answer, whenever that exchange began', () => {
  const gone = many(down, every(40_000, 6));
  const { health, events } = play([...gone, { after: 300_000, exchange: answered, beganAfter: 10_000 }]);
  expect([health.state, events]).toEqual(['connected', ['broken 1', 'restored 1']]);
});

test('each probe that is rejected stops the connection for an hour more, since the same moment', () => {
  const hour = HEALTH_POLICY.loginStopMs;
  const { health, writes } = play(many(login, [0, hour, hour + MINUTE]));
  expect([health.stoppedUntil, health.since, writes]).toEqual([at(2 * hour), at(0), 2]);
  expect(health.lastTrouble?.at).toEqual(at(hour));
});

test('other troubles change nothing of a broken login: its reason stays to be read', () => {
  const others = [...many(down, every(40_000, 6, 1)), { after: 300_000, exchange: hampered }];
  const { health, events, writes } = play([{ after: 0, exchange: login }, ...others]);
  expect([health.state, health.lastTrouble?.code, health.since]).toEqual([
    'login_required',
    'unauthorized',
    at(0),
  ]);
  expect([events, writes]).toEqual([['broken 1'], 1]);
});

test('the end of an outage without a broken login ends no login, and leaves a connection as doubtful as it was', () => {
  const gone = many(down, every(40_000, 6));
  const back: Said = { after: 300_000, exchange: answered };
  expect(play([...gone, back]).health).toMatchObject({
    ...{ state: 'connected', since: at(300_000), failures: 0, failingSince: null },
    ...{ loginEndedAt: null, doubtful: false },
  });
  const shifted = [...gone, back].map((said) => ({ ...said, after: said.after + LATER }));
  expect(play(shifted, DOUBTFUL).health).toMatchObject({
    ...{ state: 'connected', doubtful: true, loginEndedAt: DOUBTFUL.loginEndedAt },
  });
});

test('a degraded connection says since when, and is connected again without an event', () => {
  const { health } = play([{ after: MINUTE, exchange: hampered }]);
  expect([health.state, health.since]).toEqual(['degraded', at(MINUTE)]);
  const after = MINUTE + HEALTH_POLICY.degradedMs;
  const mended = play([{ after, exchange: answered }], health);
  expect([mended.health.state, mended.health.since, mended.events]).toEqual(['connected', at(after), []]);
});

test('failures before an answer are no part of the time without one', () => {
  const before = many(down, every(40_000, 4));
  const burst = many(down, every(10, 5, 160_000));
  const { health, events } = play([...before, { after: 150_000, exchange: answered }, ...burst]);
  expect([health.state, health.failingSince, events]).toEqual(['degraded', at(160_000), []]);
});

test('of a degraded connection an answer is written after 15 seconds, and a trouble of another kind at once', () => {
  const from = play([{ after: 0, exchange: hampered }]).health;
  const answers = (ms: number) => many(answered, every(ms, 2, HEALTH_POLICY.degradedSuccessMs));
  expect(play(answers(HEALTH_POLICY.degradedSuccessMs - 1), from).writes).toBe(1);
  expect(play(answers(HEALTH_POLICY.degradedSuccessMs), from).writes).toBe(2);
  const other: Exchange = { kind: 'hampered', code: 'unreadable', detail: sentence`It cannot be read.` };
  const noted = play([...many(hampered, [1_000, 2_000]), { after: 3_000, exchange: other }], from);
  expect([noted.writes, noted.health.lastTrouble?.code]).toEqual([1, 'unreadable']);
});

test('an outage that changes its kind is one outage', () => {
  const { health, events } = play([...many(down, every(40_000, 6)), { after: 300_000, exchange: login }]);
  expect([health.state, events]).toEqual(['login_required', ['broken 1']]);
  expect(
    play(
      [
        { after: 310_000, exchange: down },
        { after: 320_000, exchange: answered },
      ],
      health,
    ).events,
  ).toEqual(['restored 1']);
});

test('some that fail and some that succeed are degraded, which publishes nothing, until five minutes without trouble', () => {
  const flow = every(20_000, 60).map(
    (after, n): Said => ({ after, exchange: n % 3 === 0 ? hampered : n % 3 === 1 ? down : answered }),
  );
  const { health, events } = play(flow);
  expect([health.state, events]).toEqual(['degraded', []]);
  const last = health.lastTrouble?.at.getTime() ?? 0;
  const quiet = (ms: number) =>
    play([{ after: last - START.getTime() + ms, exchange: answered }], health).health.state;
  expect(quiet(HEALTH_POLICY.degradedMs - 1)).toBe('degraded');
  expect(quiet(HEALTH_POLICY.degradedMs)).toBe('connected');
});

test('an answer that cannot be used never makes an outage', () => {
  expect(play(many(hampered, every(MINUTE, 600)))).toMatchObject({
    health: { state: 'degraded' },
    events: [],
  });
});

test('equal exchanges are written once a minute at most', () => {
  expect(play(many(answered, every(1_000, 600, 1_000))).writes).toBe(10);
  expect(play(many(hampered, every(1_000, 600))).writes).toBe(10);
  const gone = play(many(down, every(40_000, 6))).health;
  expect(play(many(down, every(1_000, 600, 240_000)), gone).writes).toBeLessThanOrEqual(10);
  expect(play([{ after: 1, exchange: { kind: 'none' } }]).writes).toBe(0);
});

/** A connection whose login was found broken and accepted again an hour later, by whatever `between` does. */
function afterAnOutage(between: (health: Health) => Health = (health) => health): Health {
  const broken = play([{ after: 0, exchange: login }]).health;
  return play([{ after: HEALTH_POLICY.loginStopMs + 1, exchange: answered }], between(broken)).health;
}
const DOUBTFUL = afterAnOutage();
const LATER = 2 * HEALTH_POLICY.loginStopMs;
const said = (...list: readonly (readonly [Exchange, ExchangeSubject?])[]): Said[] =>
  list.map(([exchange, subject = 'payment'], n) => ({ after: LATER + n * MINUTE, exchange, subject }));

test('an outage that ends over the same credentials makes the connection doubtful, and a save with other values does not', () => {
  expect(DOUBTFUL).toMatchObject({ state: 'connected', doubtful: true, rejections: 0 });
  expect(afterAnOutage(afterNewValues)).toMatchObject({ state: 'connected', doubtful: false });
  expect(afterNewValues({ ...DOUBTFUL, rejections: 2 })).toMatchObject({ doubtful: false, rejections: 0 });
  // It stays so through a further outage.
  const further = play(said([login], [login], [login]), DOUBTFUL).health;
  const over = play([{ after: 2 * LATER, exchange: answered }], further).health;
  expect(over).toMatchObject({ state: 'connected', doubtful: true, rejections: 0 });
});

test.each<[string, Said[], Partial<Health>, string[]]>([
  ['one payment', said([login]), { state: 'degraded', rejections: 1 }, []],
  ['two payments', said([login], [login]), { state: 'degraded', rejections: 2 }, []],
  [
    'three payments in a row',
    said([login], [login], [login]),
    { state: 'login_required', rejections: 0 },
    ['broken 2'],
  ],
  [
    'three payments with a time-out between them',
    said([login], [down], [login], [login]),
    { state: 'login_required' },
    ['broken 2'],
  ],
  [
    'many payments, each third accepted',
    said([login], [login], [answered], [login], [login], [answered], [login], [login]),
    { state: 'degraded', rejections: 2 },
    [],
  ],
  ['look-ups and syncs', said(...Array(50).fill([login, 'other'])), { state: 'degraded', rejections: 0 }, []],
  [
    'a look-up between payments',
    said([login], [login, 'other'], [login], [login, 'other']),
    { state: 'degraded', rejections: 2 },
    [],
  ],
  [
    'payments until a look-up is accepted',
    said([login], [login], [answered, 'other'], [login]),
    { rejections: 1 },
    [],
  ],
])('in a doubtful connection, rejected: %s', (_name, exchanges, expected, events) => {
  const played = play(exchanges, DOUBTFUL);
  expect(played.health).toMatchObject(expected);
  expect(played.events).toEqual(events);
});

test('of a doubtful connection every rejection of a payment and the answer after it are written, and it is no end of an outage', () => {
  const close = [login, answered, login, answered].map((exchange, n) => ({ after: LATER + n, exchange }));
  expect(play(close, DOUBTFUL)).toMatchObject({ writes: 4, events: [], health: { rejections: 0 } });
  const gone = play(many(down, every(40_000, 6, LATER)), DOUBTFUL).health;
  const rejected = play([{ after: 2 * LATER, exchange: login }], gone).health;
  expect(rejected).toMatchObject({ state: 'unreachable', rejections: 1 });
  const third = many(login, [2 * LATER + 1, 2 * LATER + 2]);
  expect(play(third, rejected).health).toMatchObject({ state: 'login_required', outages: gone.outages });
});

test('of a connection that is not doubtful any rejection breaks the login', () => {
  for (const subject of ['payment', 'other'] as const)
    expect(play([{ after: 1, exchange: login, subject }]).health.state).toBe('login_required');
});
