import { afterAll, beforeAll, expect, test } from 'vitest';
import type { EmrAdapter } from '../../adapter.ts';
import type { BreakServer } from '../../conformance/break-server.ts';
import { openBreakingProxy } from '../../conformance/breaking-proxy.ts';
import { rulesFor } from '../../conformance/conformance.ts';
import { contextOf, type Rule, runRule } from '../../conformance/rule.ts';
import type { UnderTest } from '../../conformance/under-test.ts';
import { demandingAdapter, demands } from '../../conformance/wrong/demanding-adapter.ts';
import { isTriedOn, wronglyNoticed } from '../../conformance/wrong/wrong-adapter.ts';
import { wrongAdapters } from '../../conformance/wrong/wrong-adapters.ts';
import { localAdapterDeps } from '../../local-deps.ts';
import { fhirUnderTest } from './under-test.fixture.ts';

const fhir = fhirUnderTest();
/** The same server with another adapter. It inherits, because `baseUrl` is there only once the sandbox has started. */
function underTest(open: UnderTest['open']): UnderTest {
  return Object.assign(Object.create(fhir) as UnderTest, { ...demands(fhir.practice), open });
}

const openRight: UnderTest['open'] = (input) =>
  demandingAdapter(fhir.open(input), { without: input.without ?? [] });
const right = underTest(openRight);
const rules = rulesFor(right);

/** So many rules of one adapter run at the same time. */
const LANES = 6;
/** A rule has a server of its own while it runs. These are free; another is opened when there is none. */
const free: BreakServer[] = [];
beforeAll(() => fhir.start());
afterAll(async () => {
  for (const server of free) await server.close();
  await fhir.stop();
});

/** Runs the rules. @returns the error of each rule that is broken. */
async function brokenRules(
  wanted: readonly Rule[],
  emrOf: (rule: Rule) => UnderTest,
): Promise<Map<string, string>> {
  const broken = new Map<string, string>();
  const waiting = [...wanted];
  await Promise.all(
    Array.from({ length: LANES }, async () => {
      const server = free.pop() ?? (await openBreakingProxy(fhir.baseUrl));
      for (let rule = waiting.shift(); rule !== undefined; rule = waiting.shift()) {
        try {
          await runRule(rule, contextOf(emrOf(rule), server));
        } catch (error) {
          broken.set(rule.name, error instanceof Error ? error.message : String(error));
        }
      }
      free.push(server);
    }),
  );
  return broken;
}

const PARTS = [
  'capability',
  'check',
  'describe',
  'list',
  'resolve',
  'methodProblem',
  'post',
  'find',
  'findPatient',
  'listPatients',
] as const;
type Part = (typeof PARTS)[number];

/** The parts of the right adapter that each rule has used: a mistake in another part cannot change its result. */
const partsOf = new Map<Rule, Set<Part>>(rules.map((rule) => [rule, new Set()]));

function recording(adapter: EmrAdapter, used: Set<Part>): EmrAdapter {
  return new Proxy(adapter, {
    get(target, name, receiver) {
      if (PARTS.includes(name as Part)) used.add(name as Part);
      return Reflect.get(target, name, receiver);
    },
  });
}

let brokenByRight: Map<string, string>;
beforeAll(async () => {
  brokenByRight = await brokenRules(rules, (rule) =>
    underTest((input) => recording(openRight(input), partsOf.get(rule) ?? new Set())),
  );
});

test('the right adapter, at an EMR with limits and demands, breaks no rule', () => {
  expect(Object.fromEntries(brokenByRight)).toEqual({});
});

const noticed = new Set<string>();

// At the same time: a rule that fails has often waited 20 s, as long as a busy machine may need, for what never comes.
test.concurrent.each(wrongAdapters().filter(({ needs }) => needs?.(right) ?? true))(
  'an adapter that $mistake: its rules notice, and no other rule fails',
  async (wrong) => {
    const openWrong: UnderTest['open'] = (input) => wrong.wrap(openRight(input), { emr: right, ...input });
    const input = {
      baseUrl: fhir.baseUrl,
      credentials: fhir.credentials.good,
      timeoutMs: 1000,
      deps: localAdapterDeps(),
    };
    const sample = openRight(input);
    const wrapped = wrong.wrap(sample, { emr: right, ...input });
    const changed = PARTS.filter((name) => wrapped[name] !== sample[name]);
    const affected = rules.filter(
      (rule) => isTriedOn(wrong, rule) && changed.some((part) => partsOf.get(rule)?.has(part)),
    );

    const broken = await brokenRules(affected, () => underTest(openWrong));
    for (const name of broken.keys()) noticed.add(name);
    expect([...broken.keys()]).not.toEqual([]);
    const seen = { rules: rules.map(({ name }) => name), broken: [...broken.keys()] };
    expect(wronglyNoticed(wrong, seen), JSON.stringify([...broken], null, 1)).toEqual({
      missed: [],
      unexpected: [],
    });
  },
);

test('every rule is broken by some wrong adapter', () => {
  expect(rules.map(({ name }) => name).filter((name) => !noticed.has(name))).toEqual([]);
});

test('no two rules have the same name', () => {
  const names = rules.map(({ name }) => name);
  expect(names).toEqual([...new Set(names)]);
});
