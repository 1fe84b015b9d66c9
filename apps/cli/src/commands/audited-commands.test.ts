import { randomUUID } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type SandboxProcess, startSandbox } from '@emr-payments/testkit';
import type { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createCli } from '../cli.ts';
import { buildProgram } from '../command-line.ts';
import { type Operator, openOperator } from '../testing/operator.ts';
import { openPayments, type PaymentsOfTest } from '../testing/payments.ts';

let operator: Operator;
let practice: PaymentsOfTest;
let sandbox: SandboxProcess;
let user: string;
const file = join(tmpdir(), `audited-${randomUUID()}.csv`);
const ledgerFile = join(tmpdir(), `audited-${randomUUID()}.jsonl`);

beforeAll(async () => {
  [operator, sandbox] = await Promise.all([openOperator(), startSandbox({ ledgerFile })]);
  practice = await openPayments(operator);
  const { database } = operator;
  user = (await database.prisma.user.findUniqueOrThrow({ where: { id: practice.userId } })).publicId;
  writeFileSync(file, 'mrn,emr_patient_id\nMRN-77,p77\n');
});
afterAll(async () => {
  await sandbox.stop();
  for (const each of [file, ledgerFile]) rmSync(each, { force: true });
  await operator.close();
});

type Audited = { actions: readonly string[]; input?: string; args: () => Promise<string[]> };
const NOTE = ['--note', 'Looked at the day sheet.'];
const CONNECT = [
  '--adapter',
  'fhir',
  '--base-url',
  'http://127.0.0.1:1/fhir',
  '--time-zone',
  'UTC',
  '--no-check',
];
const ids = async (): Promise<string> => `${await practice.endedPayment('posted')}\n`;

async function newOperatorKey(): Promise<string> {
  const made = await operator.ask<{ key_id: string }>([
    ...['operator-key', 'create', 'Console', '--scope', 'clients:read'],
  ]);
  return made.key_id;
}

/** Every command that changes something or shows data of patients, in an order in which each succeeds. */
const AUDITED: Record<string, Audited> = {
  'client create': { actions: ['client.create'], args: async () => ['Front Desk'] },
  'client rotate-secret': { actions: ['client.rotate_secret'], args: async () => [practice.clientId] },
  'user connect': {
    actions: ['user.connect'],
    input: '{"bearer_token": "sesame"}',
    args: async () => ['--client', practice.clientId, '--name', 'Annex', ...CONNECT, '--credentials', '-'],
  },
  'user notice-address': {
    actions: ['user.notice_address'],
    args: async () => {
      const { user_id } = await operator.ask<{ user_id: string }>(
        [
          ...['user', 'connect', '--client', practice.clientId, '--name', 'Dentist', '--time-zone', 'UTC'],
          ...['--adapter', 'nexhealth', '--base-url', 'http://127.0.0.1:1', '--setting', 'subdomain=main'],
          ...['--no-check', '--credentials', '-'],
        ],
        { input: '{"api_key": "sesame"}' },
      );
      return ['--user', user_id];
    },
  },
  'user limit': {
    actions: ['user.limit'],
    args: async () => {
      const { user_id } = await operator.ask<{ user_id: string }>(
        [
          ...['user', 'connect', '--client', practice.clientId, '--name', 'Dentist', '--time-zone', 'UTC'],
          ...['--adapter', 'open-dental', '--base-url', `${sandbox.baseUrl}/open-dental/api/v1`],
          ...['--no-check', '--credentials', '-'],
        ],
        { input: '{"developer_key": "developer", "customer_key": "limited"}' },
      );
      return [user_id, 'calls_per_minute=30'];
    },
  },
  'user sync': { actions: ['sync.start'], args: async () => [user] },
  'user rotate-token': { actions: ['user.rotate_token'], args: async () => [user] },
  'patients import': { actions: ['patients.import'], args: async () => [file, '--user', user] },
  'patients find': {
    actions: ['patients.find'],
    args: async () => {
      const { user_id } = await operator.ask<{ user_id: string }>(
        [
          ...['user', 'connect', '--client', practice.clientId, '--name', 'Dentist', '--time-zone', 'UTC'],
          ...['--adapter', 'open-dental', '--base-url', `${sandbox.baseUrl}/open-dental/api/v1`],
          ...['--no-check', '--credentials', '-'],
        ],
        { input: '{"developer_key": "developer", "customer_key": "customer"}' },
      );
      return ['--user', user_id, '--mrn', '1'];
    },
  },
  'payment list': { actions: ['payment.list'], args: async () => ['--user', user] },
  'payment show': { actions: ['payment.read'], args: async () => [await practice.endedPayment('failed')] },
  'payment retry': { actions: ['payment.retry'], args: async () => [await practice.endedPayment('failed')] },
  'payment resolve': {
    actions: ['payment.resolve'],
    args: async () => [await practice.endedPayment('needs_review'), '--not-posted', ...NOTE],
  },
  'payment compare': { actions: ['payment.compare'], args: async () => ['-', '--user', user] },
  'event redeliver': {
    actions: ['event.redeliver'],
    args: async () => [(await operator.database.prisma.event.findFirstOrThrow()).id],
  },
  'webhook disable': { actions: ['endpoint.disable'], args: async () => [practice.endpointId] },
  'webhook enable': { actions: ['endpoint.enable'], args: async () => [practice.endpointId] },
  'hold on': { actions: ['hold.on'], args: async () => [] },
  restored: {
    actions: ['restore.begin', 'restore.finish'],
    args: async () => ['--since', new Date(Date.now() - 60_000).toISOString()],
  },
  'hold off': { actions: ['hold.off'], args: async () => [] },
  'client return-url add': {
    actions: ['client.return_url_add'],
    args: async () => [practice.clientId, 'https://app.example.com/back'],
  },
  'client return-url remove': {
    actions: ['client.return_url_remove'],
    args: async () => [practice.clientId, 'https://app.example.com/back'],
  },
  'oauth-app set': {
    actions: ['oauth_app.set'],
    input: '{"client_secret": "sesame"}',
    args: async () => [
      ...['drchrono', '--base-url', 'https://app.drchrono.com', '--client-id', 'us', '--credentials', '-'],
      ...['--authorize-url', 'https://app.drchrono.com/o/authorize/'],
      ...['--token-url', 'https://app.drchrono.com/o/token/'],
    ],
  },
  'oauth-app remove': {
    actions: ['oauth_app.remove'],
    args: async () => ['drchrono', '--base-url', 'https://app.drchrono.com'],
  },
  'keys rotate': { actions: ['keys.rotate'], args: async () => [] },
  'upkeep seal-emr-text': { actions: ['upkeep.seal_emr_text'], args: async () => [] },
  'user disable': { actions: ['user.disable'], args: async () => [user] },
  'user enable': { actions: ['user.enable'], args: async () => [user] },
  'client disable': { actions: ['client.disable'], args: async () => [practice.clientId] },
  'client enable': { actions: ['client.enable'], args: async () => [practice.clientId] },
  'operator-key create': {
    actions: ['operator_key.create'],
    args: async () => ['Console', '--scope', 'clients:read'],
  },
  'operator-key rotate': { actions: ['operator_key.rotate'], args: async () => [await newOperatorKey()] },
  'operator-key revoke': { actions: ['operator_key.revoke'], args: async () => [await newOperatorKey()] },
};

/** The others, which neither change anything nor show data of a patient. */
const NOT_AUDITED = [
  'client return-url list',
  'oauth-app list',
  'adapters',
  'client list',
  'user list',
  'user show',
  // Asks the EMR for its names. A capability that it stores has an entry, `user.read_capability`.
  'user check',
  'webhook list',
  'hold status',
  'doctor',
  'operator-key list',
  'audit list',
  // With nothing old it does nothing. What it detaches has an entry: packages/operations/src/archive/archive-payments.test.ts.
  'archive',
];

function leaves(command: Command, path: readonly string[] = []): string[] {
  return command.commands.length === 0
    ? [path.join(' ')]
    : command.commands.flatMap((child) => leaves(child, [...path, child.name()]));
}

test('every command is audited, or is one of those that need not be', () => {
  const { stdin, stdout, stderr } = process;
  const terminal = { stdin, stdout, stderr };
  const cli = () => createCli({ terminal, wantsJson: () => false, onEnd: () => undefined });
  const all = leaves(buildProgram({ terminal }, cli));
  expect([...Object.keys(AUDITED), ...NOT_AUDITED].sort()).toEqual(all.sort());
});

describe('leaves an entry of the person:', () => {
  test.each(Object.entries(AUDITED))('%s', async (name, { actions, args, input }) => {
    const more = await args();
    const given = input ?? (name === 'payment compare' ? await ids() : undefined);
    const before = (await operator.audited()).length;
    await operator.ask([...name.split(' '), ...more], given === undefined ? {} : { input: given });
    const entries = (await operator.audited()).slice(before);
    expect(entries.map(({ action }) => action)).toEqual(actions);
    expect(entries.every(({ actor }) => actor.startsWith('cli:'))).toBe(true);
  });

  test('patients import --dry-run, which shows stored MRNs', async () => {
    const before = (await operator.audited()).length;
    await operator.ask(['patients', 'import', file, '--user', user, '--dry-run']);
    expect((await operator.audited()).slice(before)).toMatchObject([
      { action: 'patients.compare', subject: `patients:${user}` },
    ]);
  });
});

test('a read that cannot be recorded shows nothing', async () => {
  const id = await practice.endedPayment('failed');
  const { pool } = operator.owner;
  await pool.query('ALTER TABLE audit_log RENAME TO audit_log_away');
  const shown = await operator.run(['payment', 'show', id]);
  await pool.query('ALTER TABLE audit_log_away RENAME TO audit_log');
  expect(shown).toMatchObject({ code: 1, stdout: '' });
  expect(shown.stderr).not.toContain('MRN-1');
});
