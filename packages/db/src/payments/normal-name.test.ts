import { normalName } from '@emr-payments/contracts';
import { openTestDatabase } from '@emr-payments/testkit';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';

let client: Client;
let drop: () => Promise<void>;
beforeAll(async () => {
  const database = await openTestDatabase();
  drop = database.drop;
  client = new Client({ connectionString: database.url });
  await client.connect();
});
afterAll(async () => {
  await client.end();
  await drop();
});

/** Names for which SQL and JavaScript differ, with both results. */
async function differences(names: readonly string[]): Promise<string[]> {
  const { rows } = await client.query<{ normal: string }>(
    'SELECT normal_name(name) AS normal FROM unnest($1::text[]) WITH ORDINALITY AS given(name, n) ORDER BY n',
    [names],
  );
  expect(rows).toHaveLength(names.length);
  return names.flatMap((name, at) => {
    const [sql, js] = [rows[at]?.normal, normalName(name)];
    return sql === js ? [] : [JSON.stringify({ name, sql, js })];
  });
}

/**
 * Every character of the server's Unicode version. Node may have a newer one, and only its order of new combining marks can
 * differ: Unicode never changes how a known character is normalized.
 */
let all: string[];
beforeAll(async () => {
  const { rows } = await client.query<{ code: number }>(
    `SELECT code FROM generate_series(1, 1114111) AS code
      WHERE code NOT BETWEEN 55296 AND 57343 AND unicode_assigned(chr(code)) ORDER BY code`,
  );
  all = rows.map(({ code }) => String.fromCodePoint(code));
});

test('SQL and JavaScript agree about every character', async () => {
  // In blocks, because each character costs a search among all capital letters; one that matters gets a name of its own.
  const blocks = Array.from({ length: all.length / 64 + 1 }, (_, at) =>
    all.slice(at * 64, at * 64 + 64).join(''),
  );
  expect(await differences(blocks)).toEqual([]);
  const matters = (each: string) =>
    /[\p{White_Space}\p{Default_Ignorable_Code_Point}]/u.test(each) ||
    each.toLowerCase() !== each.toUpperCase();
  const names = all.filter((each, at) => at < 0xf0000 && matters(each)).map((each) => `Á${each} b${each}`);
  expect(names.length).toBeGreaterThan(2500);
  expect(await differences(names)).toEqual([]);
}, 120_000);

test('SQL and JavaScript agree about every white space at every place', async () => {
  const blanks = all.filter((each) => /\p{White_Space}/u.test(each));
  expect(blanks).toHaveLength(25);
  const names = blanks.flatMap((one) => blanks.map((two) => `${one}Ä${one}\u200b${two}ö${two}`));
  expect(await differences(names)).toEqual([]);
}, 60_000);

/** A generator of numbers below 1 that can be repeated (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

test('SQL and JavaScript agree about five thousand generated names', async () => {
  const random = seeded(20261126);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  const letters = [...'aAbZzéÉßẞſΣσςİıIiĳǅǈﬁÅÅKöÖ가각각'];
  const marks = all.filter((each) => /\p{M}/u.test(each));
  const odd = all.filter((each) => /[\p{White_Space}\p{Default_Ignorable_Code_Point}]/u.test(each));
  const names = Array.from({ length: 5000 }, () =>
    Array.from({ length: 1 + Math.floor(random() * 12) }, () =>
      pick(pick([letters, letters, marks, odd, all])),
    ).join(''),
  );
  expect(await differences(names)).toEqual([]);
}, 60_000);

test('a name is normal after one pass, and no name has no name', async () => {
  const { rows } = await client.query(
    `SELECT normal_name(NULL) AS none, normal_name('') AS empty, normal_name(normal_name('  ÉCOLE\u00a0 x ')) AS twice`,
  );
  expect(rows).toEqual([{ none: null, empty: '', twice: 'école x' }]);
});
