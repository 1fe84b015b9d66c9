import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findUserByToken } from '@emr-payments/db';
import { adapterDescriptions } from '@emr-payments/emr';
import { hashSecret } from '@emr-payments/runtime';
import { type SandboxProcess, startSandbox } from '@emr-payments/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newKey, type Operator, openOperator } from '../testing/operator.ts';

type Connected = { user_id: string; access_token: string };

let operator: Operator;
let sandbox: SandboxProcess;
let folder: string;
let client: { client_id: string };
let clientPk: number;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'emr-payments-cli-'));
  [operator, sandbox] = await Promise.all([
    openOperator(),
    startSandbox({ ledgerFile: join(folder, 'ledger.jsonl'), env: { SANDBOX_TOKEN: 'sesame' } }),
  ]);
  client = await operator.ask(['client', 'create', 'Integrator']);
  const row = await operator.database.prisma.client.findUniqueOrThrow({
    where: { clientId: client.client_id },
  });
  clientPk = row.id;
});
afterAll(async () => {
  await sandbox.stop();
  await operator.close();
  await rm(folder, { recursive: true });
});

const connection = () => ['--base-url', sandbox.fhirUrl, '--time-zone', 'America/New_York'];
const newUser = (name: string, adapter = ['--adapter', 'fhir-r5']) => [
  ...['user', 'connect', '--client', client.client_id, '--name', name],
  ...adapter,
  ...connection(),
];
const credentials = (token = 'sesame') => ({ input: JSON.stringify({ bearer_token: token }) });
const connectUser = (name: string) =>
  operator.ask<Connected>([...newUser(name), '--credentials', '-'], credentials());
const userCount = () => operator.database.prisma.user.count();

test('connect shows the token of a new user once, and check tries the connection', async () => {
  const shown = await operator.run(
    [...newUser('Main Street'), '--credentials', '-', '--setting', 'timeout_ms=9000', '--concurrency', '7'],
    credentials(),
  );
  expect(shown).toMatchObject({ code: 0, stderr: '' });
  const token = /at_[\w-]{32}/.exec(shown.stdout)?.[0] ?? '';
  const publicId = /user_\w{24}/.exec(shown.stdout)?.[0] ?? '';
  const found = await findUserByToken(
    { database: operator.database },
    { clientPk, tokenHash: hashSecret(token) },
  );
  expect(found?.publicId).toBe(publicId);
  const saved = await operator.database.prisma.connection.findUniqueOrThrow({
    where: { userId: found?.userId ?? 0 },
    include: { lane: true },
  });
  expect(saved).toMatchObject({
    adapter: 'fhir-r5',
    settings: { timeout_ms: 9000 },
    lane: { concurrency: 7 },
  });
  expect(await operator.run(['user', 'check', publicId])).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^The EMR connection works: \d+ payment methods, \d+ locations\.\n/),
  });
});

test('an http address of another machine needs --allow-plain-http, and show warns of it', async () => {
  const args = [
    'user',
    'connect',
    '--client',
    client.client_id,
    '--name',
    'Plain',
    '--adapter',
    'fhir-r5',
    '--no-check',
  ];
  const plain = [...args, '--base-url', 'http://emr.example/fhir', '--time-zone', 'UTC'];
  const users = await userCount();
  expect(await operator.run(plain)).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('Give an https address, or --allow-plain-http'),
  });
  expect(await userCount()).toBe(users);
  const { user_id } = await operator.ask<Connected>([...plain, '--allow-plain-http']);
  expect(await operator.ask(['user', 'show', user_id])).toMatchObject({ plain_http: true });
  expect((await operator.run(['user', 'show', user_id])).stdout).toContain(
    'over plain http: what is sent can be read',
  );
  const other = await connectUser('Encrypted');
  expect(await operator.ask(['user', 'show', other.user_id])).toMatchObject({ plain_http: false });
});

test('connect and check say what the EMR cannot do, and check what has changed', async () => {
  const can = (change: object) =>
    fetch(`${sandbox.baseUrl}/sandbox/capabilities`, {
      method: 'PUT',
      headers: { authorization: 'Bearer sesame', 'content-type': 'application/json' },
      body: JSON.stringify({ conditional_create: true, search: true, books_closed_before: null, ...change }),
    });
  await can({ conditional_create: false });
  const shown = await operator.run([...newUser('Modest'), '--credentials', '-'], credentials());
  expect(shown.stdout).toMatch(/keep it\.\nGET \/metadata says .* conditional_create is taken as false\.\n$/);
  const publicId = /user_\w{24}/.exec(shown.stdout)?.[0] ?? '';
  await can({});
  const check = () => operator.run(['user', 'check', publicId]);
  expect((await check()).stdout).toMatch(
    /locations\.\nChanged, as the EMR says it now: conditional_create: false → true\.\n\nFields\n/,
  );
  expect((await check()).stdout).toMatch(/locations\.\n\nFields\n/);
  expect(await operator.ask(['user', 'check', publicId])).toMatchObject({
    ok: true,
    capability: 'conditional-create',
    remarks: [],
    changed: [],
    fields: { notes: { kept: 'whole', as: 'processNote[0].text' } },
    method_needs: [],
    limits: [],
  });
});

test('check of an EMR without lists says that every name is taken, and not that there is none', async () => {
  const args = [
    ...['user', 'connect', '--client', client.client_id, '--name', 'Canvas', '--adapter', 'canvas'],
    ...['--base-url', `${sandbox.baseUrl}/canvas`, '--time-zone', 'America/New_York', '--credentials', '-'],
  ];
  const input = JSON.stringify({ client_id: 'app', client_secret: 'sesame' });
  const { user_id } = await operator.ask<Connected>(args, { input });
  expect((await operator.run(['user', 'check', user_id])).stdout).toMatch(
    /^The EMR connection works: any payment method \(the EMR has no list of them\), any location \(the EMR has no list of them\)\.\n/,
  );
  expect(await operator.ask(['user', 'check', user_id])).toMatchObject({
    payment_methods: null,
    locations: null,
  });
});

test('show and check say what the EMR does with payments; without a key, show leaves it out', async () => {
  const { user_id } = await connectUser('Described');
  const fields = { deposit_date: { kept: 'whole', as: 'date' } };
  expect(await operator.ask(['user', 'show', user_id])).toMatchObject({
    fields,
    method_needs: [],
    limits: [],
  });
  for (const command of ['show', 'check'])
    expect((await operator.run(['user', command, user_id])).stdout).toMatch(
      /^notes +processNote\[0\]\.text$/m,
    );
  const sealed = await operator.run(['user', 'show', user_id], { env: { ENCRYPTION_KEYS: newKey('k1') } });
  expect(sealed).toMatchObject({ code: 0 });
  expect(sealed.stdout).toMatch(/^adapter +fhir-r5$/m);
  expect(sealed.stdout).not.toContain('processNote');
});

test('adapters shows every adapter, and one with everything that it takes; connect --help leads there', async () => {
  const help = await operator.run(['user', 'connect', '--help']);
  expect(help.stdout).toContain('emr-payments adapters <name>');
  const all = await operator.run(['adapters']);
  expect(all).toMatchObject({ code: 0, stderr: '' });
  for (const { name, title, credentials, settings, example } of adapterDescriptions) {
    expect(all.stdout).toMatch(new RegExp(`^${name} .*(?:conditional-create|lookup|none)`, 'm'));
    const one = await operator.run(['adapters', name]);
    for (const text of [name, title, example.baseUrl, 'payment_id', 'deposit_date'])
      expect(one.stdout).toContain(text);
    for (const field of [...credentials, ...settings]) {
      expect(one.stdout).toContain(field.name);
      expect(one.stdout).toContain(field.description);
    }
  }
  expect(await operator.run(['adapters', 'fax'])).toMatchObject({
    code: 3,
    stdout: '',
    stderr: expect.stringMatching(/^There is no adapter 'fax'; there are: fhir-r5, open-dental, /),
  });
});

test('a connection that does not work is not saved, and one sentence says why', async () => {
  const before = await userCount();
  const refusals: [string[], { input?: string; env?: Record<string, string> }, number, RegExp][] = [
    [[...newUser('x'), '--credentials', '-'], credentials('wrong'), 1, /nothing was saved: .*\(HTTP 401\)/],
    [[...newUser('x'), '--credentials', '-'], { input: 'secret text' }, 1, /^The credentials must be a JSON/],
    [[...newUser('x'), '--credentials', join(folder, 'nothing')], {}, 1, /cannot be read \(ENOENT\)/],
    [
      [...newUser('x'), '--setting', 'no_such=1'],
      {},
      2,
      /has no setting 'no_such'; it takes: conditional_create, /,
    ],
    [
      newUser('x', []),
      {},
      2,
      /^Say with --adapter which kind of EMR it is, one of: fhir-r5, open-dental, .*candid\. See --help\.$/m,
    ],
    [
      [...newUser('x'), '--credentials', '-'],
      { input: '{"password": "secret text"}' },
      1,
      /'password'; it takes: bearer_token, /m,
    ],
    [[...newUser('x'), '--adapter', 'fax'], {}, 2, /There is no adapter 'fax'; give one of: fhir-r5/],
    [[...newUser('x'), '--time-zone', 'Mars/Olympus'], {}, 2, /There is no time zone 'Mars\/Olympus'/],
    [[...newUser('x')], { env: { ENCRYPTION_KEYS: '' } }, 1, /^ENCRYPTION_KEYS is not set/],
  ];
  for (const [args, options, code, message] of refusals) {
    const ended = await operator.run(args, options);
    expect(ended.stderr).toMatch(message);
    expect(ended).toMatchObject({ code, stdout: '' });
    expect(ended.stderr).not.toContain('secret text');
  }
  expect(await userCount()).toBe(before);
});

test('connect --user replaces a connection, with the adapter that it has; --no-check skips the try', async () => {
  const { user_id } = await connectUser('Changing');
  const file = join(folder, 'credentials.json');
  await writeFile(file, '{"bearer_token": "other"}');
  const change = ['user', 'connect', '--user', user_id, ...connection(), '--credentials', file];
  expect(await operator.run(change)).toMatchObject({ code: 1 });
  expect(await operator.ask([...change, '--no-check'])).toEqual({
    user_id,
    unusable: [],
    remarks: [expect.stringContaining('conditional_create: false, search: true.')],
  });
  expect(await operator.run(['user', 'check', user_id])).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(
      /^The EMR connection does not work: GET \/ValueSet\/\$expand\S* answered HTTP 401: A valid bearer token is needed\. /,
    ),
  });
  const check = await operator.run(['user', 'check', user_id], { env: { ENCRYPTION_KEYS: newKey('k1') } });
  expect(check).toMatchObject({ code: 1, stderr: expect.stringMatching(/^No key in ENCRYPTION_KEYS opens/) });

  const list = await operator.ask<{ users: { user_id: string; valid_tokens: number }[] }>([
    ...['user', 'list', '--client', client.client_id],
  ]);
  expect(list.users.find((one) => one.user_id === user_id)).toMatchObject({
    name: 'Changing',
    base_url: sandbox.fhirUrl,
    valid_tokens: 1,
  });
  expect(await operator.run([...change, '--name', 'x'])).toMatchObject({ code: 2 });
  const nobody = ['user', 'connect', '--user', 'user_nobody', ...connection()];
  expect(await operator.run(nobody)).toMatchObject({ code: 3 });
});

test.each(['user', 'webhook'])('%s list --client refuses a client that does not exist', async (command) => {
  expect(await operator.run([command, 'list', '--client', 'ci_live_nobody'])).toMatchObject({
    code: 3,
    stderr: 'There is no client ci_live_nobody.\n',
  });
});

test('--share-emr-text is off at first, stays as it is, and is shown and audited', async () => {
  const { user_id } = await connectUser('Sharing');
  const change = ['user', 'connect', '--user', user_id, ...connection(), '--no-check'];
  const shared = async () =>
    (await operator.ask<{ share_emr_text: boolean }>(['user', 'show', user_id])).share_emr_text;
  expect(await shared()).toBe(false);
  await operator.ask([...change, '--share-emr-text']);
  expect(await shared()).toBe(true);
  await operator.ask(change);
  expect(await shared(), 'a change that says nothing about it').toBe(true);
  await operator.ask([...change, '--no-share-emr-text']);
  expect(await shared()).toBe(false);
  const { stdout } = await operator.run(['user', 'show', user_id]);
  expect(stdout).toMatch(/^share_emr_text +no$/m);
  expect(stdout).not.toContain('sesame');
  const entries = (await operator.audited()).filter(({ subject }) => subject === `user:${user_id}`);
  const audited = entries.map(
    ({ detail }) => (detail as { share_emr_text?: boolean } | null)?.share_emr_text,
  );
  // The connect that changed nothing has no entry.
  expect(audited).toEqual([undefined, true, false]);
});

test('rotate-token: both tokens work during the overlap', async () => {
  const first = await connectUser('Rotating');
  const second = await operator.ask<Connected>(['user', 'rotate-token', first.user_id, '--overlap', '1h']);
  const works = async (token: string) =>
    (await findUserByToken({ database: operator.database }, { clientPk, tokenHash: hashSecret(token) })) !==
    null;
  expect([await works(first.access_token), await works(second.access_token)]).toEqual([true, true]);
  const third = await operator.ask<Connected>(['user', 'rotate-token', first.user_id, '--overlap', '0']);
  expect([
    await works(first.access_token),
    await works(second.access_token),
    await works(third.access_token),
  ]).toEqual([false, false, true]);

  expect(await operator.ask(['user', 'disable', first.user_id])).toMatchObject({ disabled: true });
  expect(await works(third.access_token)).toBe(false);
  expect(await operator.run(['user', 'disable', first.user_id])).toMatchObject({ code: 4 });
  expect(await operator.run(['user', 'rotate-token', first.user_id])).toMatchObject({ code: 4 });
});

test('a user that does not exist is exit code 3', async () => {
  for (const command of ['check', 'disable', 'rotate-token', 'show']) {
    expect(await operator.run(['user', command, 'user_nobody'])).toMatchObject({
      code: 3,
      stderr: 'There is no user user_nobody.\n',
    });
  }
});
