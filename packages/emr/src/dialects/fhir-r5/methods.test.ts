import { afterEach, expect, test } from 'vitest';
import { quiet } from '../../conformance/rule.ts';
import { readLists } from '../../fhir/lists.ts';
import { Answered, type AnsweringServer, openAnsweringServer } from './answering-server.fixture.ts';

// Payment methods are read by the server's own expansion, else by the definition of the ValueSet.

const servers: AnsweringServer[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

const URL_ = 'urn:emr-payments:payment-methods';
const EXPAND = `ValueSet/$expand?url=${URL_}`;
const VALUE_SET = `ValueSet?url=${URL_}`;
const LOCATIONS = 'Location?_count=200';
const bundle = (resources: unknown[]) => ({
  resourceType: 'Bundle',
  type: 'searchset',
  entry: resources.map((resource) => ({ resource })),
});

async function serverWith(answers: Record<string, unknown>): Promise<AnsweringServer> {
  const server = await openAnsweringServer({ [LOCATIONS]: bundle([]), ...answers });
  servers.push(server);
  return server;
}

async function methodsAt(server: AnsweringServer) {
  const read = await readLists(server.connection, quiet());
  return read.ok
    ? { methods: read.lists.methods.map(({ id, name }) => `${id}=${name}`), unusable: read.unusable }
    : { trouble: read.trouble.code, request: read.refusal.request };
}
const methodsOf = async (answers: Record<string, unknown>) => methodsAt(await serverWith(answers));

const expansion = (contains: unknown[], more: object = {}) => ({
  resourceType: 'ValueSet',
  expansion: { contains, ...more },
});
const code = (name: string, more: object = {}) => ({
  system: 's:1',
  code: name,
  display: `Name ${name}`,
  ...more,
});

test('an expansion is read at every depth, and what no payment can use is named', async () => {
  const contains = [
    { display: 'Cards', abstract: true, contains: [code('A'), { ...code('B'), contains: [code('C')] }] },
    { display: 'No code', contains: [code('D', { system: null, display: null })] },
    code('E', { abstract: true }),
    code('F', { inactive: true, contains: [code('G', { abstract: null, inactive: null, contains: null })] }),
    code('H|I'),
    code('J', { display: '  ' }),
    null,
    { ...code('K'), display: 7 },
    code(''),
    {},
  ];
  expect(await methodsOf({ [EXPAND]: expansion(contains) })).toEqual({
    methods: ['s:1|A=Name A', 's:1|B=Name B', 's:1|C=Name C', '|D=D', 's:1|G=Name G', 's:1|J=J'],
    unusable: [
      "'Cards' is a heading",
      "'No code' has no code",
      "'Name E' is a heading",
      "'Name F' is inactive",
      "'Name H|I' has a code with '|' in it",
      'entry 7 cannot be read',
      'entry 8 cannot be read',
      "'Name' has no code",
      'entry 10 has no code',
    ].map((each) => `Payment methods: ${each}`),
  });
});

test('entries that are nested without end are named, and the others are read', async () => {
  let nested: object = code('BOTTOM');
  for (let depth = 0; depth < 30; depth += 1) nested = { abstract: true, contains: [nested] };
  const read = await methodsOf({ [EXPAND]: expansion([code('A'), nested]) });
  expect(read.methods).toEqual(['s:1|A=Name A']);
  expect(read.unusable?.at(-1)).toMatch(
    /^Payment methods: entry 2(\.1)+ has entries that are nested too deeply$/,
  );
});

test('a code that comes twice is one method; a name with two codes stays two', async () => {
  const twice = [code('A'), code('A'), code('A', { display: 'Other' }), code('B', { display: 'Name A' })];
  expect(await methodsOf({ [EXPAND]: expansion(twice) })).toEqual({
    methods: ['s:1|A=Name A', 's:1|B=Name A'],
    unusable: ["Payment methods: 'Other' has the same id as 'Name A' (s:1|A)"],
  });
});

test('an expansion in pages is read whole: by the link of R5, or by the offset', async () => {
  const far = await serverWith({
    [EXPAND]: expansion([code('A')], { total: 3, next: `ValueSet/$expand?url=${URL_}&page=2` }),
  });
  // Relative to the page that has the link.
  far.answers[`ValueSet/ValueSet/$expand?url=${URL_}&page=2`] = expansion([code('B')], {
    next: `${far.origin}/fhir?_getpages=3`,
  });
  far.answers['?_getpages=3'] = expansion([code('C')]);
  const all = { methods: ['s:1|A=Name A', 's:1|B=Name B', 's:1|C=Name C'], unusable: [] };
  expect(await methodsAt(far)).toEqual(all);

  const byOffset = {
    [EXPAND]: expansion([code('A'), code('B')], { total: 3, offset: 0 }),
    [`${EXPAND}&offset=2`]: expansion([code('C')], { total: 3, offset: 2 }),
  };
  expect(await methodsOf(byOffset)).toEqual(all);
});

test.each<[string, Record<string, unknown>, string]>([
  [
    'gives its first page again and again',
    {
      [EXPAND]: expansion([code('A')], { total: 3 }),
      [`${EXPAND}&offset=1`]: expansion([code('A')], { total: 3 }),
    },
    'answer_incomplete',
  ],
  [
    'gives nothing further',
    { [EXPAND]: expansion([code('A')], { total: 3 }), [`${EXPAND}&offset=1`]: expansion([], { total: 3 }) },
    'answer_incomplete',
  ],
  ['counts codes and gives none', { [EXPAND]: expansion([], { total: 3 }) }, 'answer_incomplete'],
  [
    'fails at the second page',
    { [EXPAND]: expansion([code('A')], { total: 3 }), [`${EXPAND}&offset=1`]: new Answered(500) },
    'emr_error',
  ],
  [
    'links to another host',
    { [EXPAND]: expansion([code('A')], { next: 'http://other.test/fhir/page' }) },
    'bad_answer',
  ],
  [
    'says that there are too many',
    {
      [EXPAND]: expansion([code('A')], {
        extension: [
          { url: 'http://hl7.org/fhir/StructureDefinition/valueset-toocostly', valueBoolean: true },
        ],
      }),
    },
    'answer_incomplete',
  ],
])('an expansion is trouble when the server %s', async (_name, answers, trouble) => {
  expect(await methodsOf(answers)).toMatchObject({ trouble });
});

const valueSet = (compose: unknown, more: object = {}) => ({
  resourceType: 'ValueSet',
  url: URL_,
  compose,
  ...more,
});
const codeSystem = (url: string, concept: unknown, more: object = {}) => ({
  resourceType: 'CodeSystem',
  url,
  concept,
  ...more,
});
const concept = (name: string, more: object = {}) => ({ code: name, display: `Name ${name}`, ...more });
const SYSTEM = 'CodeSystem?url=s:1';
const simple = {
  [VALUE_SET]: bundle([valueSet({ include: [{ system: 's:1' }] })]),
  [SYSTEM]: bundle([codeSystem('s:1', [concept('A')])]),
};

test.each([400, 404, 405, 422, 500, 501])('with HTTP %i at $expand the ValueSet is read', async (status) => {
  expect(await methodsOf({ ...simple, [EXPAND]: new Answered(status) })).toEqual({
    methods: ['s:1|A=Name A'],
    unusable: [],
  });
});

test.each([401, 403, 429, 502, 503, 504])(
  'with HTTP %i at $expand the list is read again later',
  async (status) => {
    expect(await methodsOf({ ...simple, [EXPAND]: new Answered(status) })).toEqual({
      trouble: expect.any(String),
      request: `GET /${EXPAND}`,
    });
  },
);

test('a server that cannot give the second page of an expansion cannot expand', async () => {
  const first = expansion([code('Z')], { total: 3 });
  const answers = { ...simple, [EXPAND]: first, [`${EXPAND}&offset=1`]: new Answered(400) };
  expect(await methodsOf(answers)).toEqual({ methods: ['s:1|A=Name A'], unusable: [] });
});

test('a ValueSet that is not there is trouble: no payment is refused by it', async () => {
  expect(await methodsOf({ [VALUE_SET]: bundle([]) })).toEqual({
    trouble: 'list_not_found',
    request: `GET /${VALUE_SET}`,
  });
  // The server may ignore the parameter of our search.
  const other = bundle([{ ...valueSet({ include: [] }), url: 'urn:other' }]);
  expect(await methodsOf({ [VALUE_SET]: other })).toMatchObject({ trouble: 'list_not_found' });
  expect(await methodsOf({ [VALUE_SET]: bundle([]), [EXPAND]: new Answered(500) })).toMatchObject({
    trouble: 'emr_error',
  });
  expect(await methodsOf({ ...simple, [SYSTEM]: bundle([]) })).toMatchObject({ trouble: 'list_not_found' });
});

test('a CodeSystem is read at every depth, without headings and retired codes', async () => {
  const property = (name: string, value: object) => ({ property: [{ code: name, ...value }, null] });
  const concepts = [
    concept('A', { concept: [concept('B', { concept: [concept('C')] })] }),
    concept('D', { ...property('notSelectable', { valueBoolean: true }), concept: [concept('E')] }),
    concept('F', property('inactive', { valueBoolean: true })),
    concept('G', property('status', { valueCode: 'retired' })),
    concept('H', property('status', { valueCode: 'active' })),
    { code: 'I', display: null, concept: null, property: null },
    null,
  ];
  expect(await methodsOf({ ...simple, [SYSTEM]: bundle([codeSystem('s:1', concepts)]) })).toEqual({
    methods: ['A', 'B', 'C', 'E', 'H'].map((name) => `s:1|${name}=Name ${name}`).concat('s:1|I=I'),
    unusable: [
      "Payment methods: 'Name D' is a heading",
      "Payment methods: 'Name F' is inactive",
      "Payment methods: 'Name G' is inactive",
      'Payment methods: entry 7 cannot be read',
    ],
  });
});

test('what a ValueSet excludes is left out: codes, systems, ValueSets', async () => {
  const all = { system: 's:1' };
  const two = { system: 's:2', concept: [concept('P'), concept('Q')] };
  const answers = (exclude: unknown) => ({
    [VALUE_SET]: bundle([valueSet({ include: [all, two], exclude })]),
    [SYSTEM]: bundle([codeSystem('s:1', [concept('A', { concept: [concept('B')] })])]),
    'ValueSet?url=urn:two': bundle([
      { ...valueSet({ include: [{ ...two, concept: [concept('Q')] }] }), url: 'urn:two' },
    ]),
  });
  const ids = async (exclude: unknown) =>
    (await methodsOf(answers(exclude))).methods?.map((each) => each.replace(/=.*/, ''));
  expect(await ids(null)).toEqual(['s:1|A', 's:1|B', 's:2|P', 's:2|Q']);
  expect(await ids([{ system: 's:1', concept: [{ code: 'B' }] }])).toEqual(['s:1|A', 's:2|P', 's:2|Q']);
  expect(await ids([all])).toEqual(['s:2|P', 's:2|Q']);
  expect(await ids([{ valueSet: ['urn:two'] }])).toEqual(['s:1|A', 's:1|B', 's:2|P']);
  // An exclude that cannot be read may exclude anything.
  expect(await methodsOf(answers([7]))).toMatchObject({
    methods: [],
    unusable: [expect.stringContaining('what it excludes cannot be read')],
  });
});

test('a ValueSet that includes others has what all of them have, and its own system too', async () => {
  const set = (url: string, ...codes: string[]) =>
    bundle([
      { ...valueSet({ include: [{ system: 's:1', concept: codes.map((each) => concept(each)) }] }), url },
    ]);
  const answers = (include: unknown[]) => ({
    [VALUE_SET]: bundle([valueSet({ include })]),
    [SYSTEM]: bundle([codeSystem('s:1', [concept('A'), concept('C')])]),
    'ValueSet?url=urn:a': set('urn:a', 'A', 'B', 'C'),
    'ValueSet?url=urn:b': set('urn:b', 'B', 'C'),
  });
  const ids = async (...include: unknown[]) =>
    (await methodsOf(answers(include))).methods?.map((each) => each.replace(/^s:1\||=.*/g, ''));
  expect(await ids({ valueSet: ['urn:a'] })).toEqual(['A', 'B', 'C']);
  expect(await ids({ valueSet: ['urn:a', 'urn:b'] })).toEqual(['B', 'C']);
  expect(await ids({ system: 's:1', valueSet: ['urn:b'] })).toEqual(['C']);
  expect(await ids({ valueSet: ['urn:b'] }, { valueSet: ['urn:a'] })).toEqual(['B', 'C', 'A']);
  expect(await methodsOf(answers([{ valueSet: ['urn:nothing'] }]))).toMatchObject({
    trouble: expect.any(String),
  });
  expect(await methodsOf(answers([{ valueSet: [null] }, 7, { valueSet: [URL_] }]))).toEqual({
    methods: [],
    unusable: [
      'Payment methods: a part of the ValueSet, which includes another one without its URL',
      `Payment methods: a part of ValueSet ${URL_} that cannot be read`,
      `Payment methods: ValueSet ${URL_}, which includes itself`,
    ],
  });
});

test('a filter is never taken for everything: it is named, unless the ValueSet has its expansion with it', async () => {
  const filter = [{ property: 'concept', op: 'is-a', value: 'A' }];
  const system = { [SYSTEM]: bundle([codeSystem('s:1', [concept('A'), concept('B')])]) };
  const named = expect.stringContaining("has a filter, which only the EMR's own $expand can apply");
  const include = [
    { system: 's:1', filter },
    { system: 's:2', concept: [concept('P')] },
  ];
  expect(await methodsOf({ ...system, [VALUE_SET]: bundle([valueSet({ include })]) })).toEqual({
    methods: ['s:2|P=Name P'],
    unusable: [named],
  });
  const exclude = [{ system: 's:1', filter }];
  const excluding = valueSet({ include: [{ system: 's:1' }, include[1]], exclude });
  expect(await methodsOf({ ...system, [VALUE_SET]: bundle([excluding]) })).toEqual({
    methods: ['s:2|P=Name P'],
    unusable: [named],
  });
  const kept = valueSet({ include }, { expansion: { total: 1, contains: [code('A')] } });
  expect(await methodsOf({ ...system, [VALUE_SET]: bundle([kept]) })).toEqual({
    methods: ['s:1|A=Name A'],
    unusable: [],
  });
});

test('of several versions the wanted one counts, else the latest active one, and the others are named', async () => {
  const version = (name: string, status: string, codes: string) =>
    valueSet(
      { include: [{ system: 's:1', concept: [concept(codes)] }] },
      { version: name, status, date: '2026-01-01' },
    );
  const versions = [
    version('1.9', 'active', 'NINE'),
    version('1.10', 'active', 'TEN'),
    version('2.0', 'draft', 'TWO'),
    version('3.0', 'retired', 'THREE'),
  ];
  expect(await methodsOf({ [VALUE_SET]: bundle(versions) })).toEqual({
    methods: ['s:1|TEN=Name TEN'],
    unusable: ['1.9', '2.0', '3.0'].map(
      (each) => `Payment methods: ValueSet ${URL_} version ${each}: the one version 1.10 is used`,
    ),
  });
  const systems = ['2', '1'].map((each) => codeSystem('s:1', [concept(`V${each}`)], { version: each }));
  const supplement = codeSystem('s:1', [concept('S')], { content: 'supplement', version: '9' });
  const pinned = valueSet({ include: [{ system: 's:1', version: '1' }] });
  expect(
    await methodsOf({ [VALUE_SET]: bundle([pinned]), [SYSTEM]: bundle([supplement, ...systems]) }),
  ).toEqual({ methods: ['s:1|V1=Name V1'], unusable: [] });
});

test('a part of a CodeSystem is called one, and codes without a name get that of the CodeSystem', async () => {
  const fragment = codeSystem('s:1', [concept('A'), concept('B')], { content: 'fragment' });
  expect(await methodsOf({ ...simple, [SYSTEM]: bundle([fragment]) })).toMatchObject({
    methods: ['s:1|A=Name A', 's:1|B=Name B'],
    unusable: [expect.stringContaining('the rest of CodeSystem s:1')],
  });
  const listed = valueSet({ include: [{ system: 's:1', concept: [{ code: 'B' }, { code: 'Z' }] }] });
  expect(await methodsOf({ [VALUE_SET]: bundle([listed]), [SYSTEM]: bundle([fragment]) })).toMatchObject({
    methods: ['s:1|B=Name B', 's:1|Z=Z'],
  });
  expect(await methodsOf({ [VALUE_SET]: bundle([listed]), [SYSTEM]: bundle([]) })).toMatchObject({
    methods: ['s:1|B=B', 's:1|Z=Z'],
  });
});

test('a definition that is made of ever more others ends', async () => {
  const answers: Record<string, unknown> = {};
  for (let number = 0; number < 20; number += 1) {
    const url = number === 0 ? URL_ : `urn:set:${number}`;
    answers[`ValueSet?url=${url}`] = bundle([
      { ...valueSet({ include: [{ valueSet: [`urn:set:${number + 1}`] }] }), url },
    ]);
  }
  expect(await methodsOf(answers)).toMatchObject({ methods: [], unusable: [expect.any(String)] });
  const include = Array.from({ length: 60 }, (_, number) => ({ system: `s:${number + 10}` }));
  const many: Record<string, unknown> = { [VALUE_SET]: bundle([valueSet({ include })]) };
  for (const { system } of include)
    many[`CodeSystem?url=${system}`] = bundle([codeSystem(system, [concept('A')])]);
  expect(await methodsOf(many)).toMatchObject({ trouble: 'answer_too_large' });
});

test('ValueSets that include one another many times over are trouble, and do not stop the worker', async () => {
  const answers: Record<string, unknown> = {};
  const urls = Array.from({ length: 9 }, (_, level) => (level === 0 ? URL_ : `urn:level:${level}`));
  for (const [level, url] of urls.entries()) {
    const below = urls[level + 1];
    const part = below === undefined ? { system: 's:1', concept: [code('A')] } : { valueSet: [below] };
    const include = Array.from({ length: 5 }, () => part);
    answers[`ValueSet?url=${url}`] = bundle([{ resourceType: 'ValueSet', url, compose: { include } }]);
  }
  expect(await methodsOf(answers)).toMatchObject({ trouble: 'answer_too_large' });
});

test('one CodeSystem that is included many times is read no more than a list needs', async () => {
  const include = Array.from({ length: 1000 }, () => ({ system: 's:1' }));
  const concept = Array.from({ length: 1000 }, (_, index) => code(String(index)));
  expect(
    await methodsOf({
      [VALUE_SET]: bundle([{ resourceType: 'ValueSet', url: URL_, compose: { include } }]),
      'CodeSystem?url=s:1': bundle([{ resourceType: 'CodeSystem', url: 's:1', concept }]),
    }),
  ).toMatchObject({ trouble: 'answer_too_large' });
});

test('codes that are in two large ValueSets are found without comparing each with each', async () => {
  const concept = Array.from({ length: 25_000 }, (_, index) => ({ code: `${index}`, display: `n${index}` }));
  const set = (url: string, list: object[]) =>
    bundle([{ resourceType: 'ValueSet', url, compose: { include: [{ system: 's:1', concept: list }] } }]);
  const include = [{ valueSet: ['urn:a', 'urn:b'] }];
  const server = await serverWith({
    [VALUE_SET]: bundle([{ resourceType: 'ValueSet', url: URL_, compose: { include } }]),
    'ValueSet?url=urn:a': set('urn:a', concept),
    'ValueSet?url=urn:b': set('urn:b', concept.toReversed()),
  });
  // Processor time: on a busy machine, seconds pass while nothing of this runs.
  const before = process.cpuUsage();
  const read = await readLists(server.connection, { signal: AbortSignal.timeout(30_000) });
  expect(read).toMatchObject({ ok: true, lists: { methods: { length: 25_000 } } });
  // 25,000 × 25,000 comparisons take seven seconds.
  expect(process.cpuUsage(before).user / 1000).toBeLessThan(3000);
});

test.each([
  ['codes', { code: 'A' }],
  ['entries that cannot be read', 0],
])('an expansion of 150,000 %s is trouble and no exception', async (_name, entry) => {
  const contains = Array.from({ length: 150_000 }, () => entry);
  expect(await methodsOf({ [EXPAND]: expansion(contains) })).toMatchObject({ trouble: 'answer_too_large' });
});

test('a page of 200,000 entries that cannot be read is no exception', async () => {
  const entry = Array.from({ length: 200_000 }, () => 0);
  const server = await serverWith({
    [EXPAND]: expansion([code('A')]),
    [LOCATIONS]: { ...bundle([]), entry },
  });
  const read = await readLists(server.connection, { signal: AbortSignal.timeout(30_000) });
  expect(read).toMatchObject({ ok: true, unusable: { length: 200_000 } });
});
