import {
  isOperatorScope,
  OPERATOR_SCOPE_NAMES,
  OPERATOR_SCOPES,
  type OperatorScope,
} from '@emr-payments/contracts';
import {
  createOperatorKey,
  listOperatorKeys,
  revokeOperatorKey,
  rotateOperatorKey,
} from '@emr-payments/operations';
import { InvalidArgumentError } from 'commander';
import { durationOption, integer, line } from '../arguments.ts';
import type { Register } from '../cli.ts';
import { done, failure } from '../outcome.ts';
import { pairs, table } from '../output/table.ts';

const ONCE = 'The key is shown only now: keep it.';

/** Collects repeated `--scope` options, each of them once. */
function scope(text: string, earlier: readonly OperatorScope[] = []): OperatorScope[] {
  if (!isOperatorScope(text)) {
    throw new InvalidArgumentError(`Give one of: ${OPERATOR_SCOPE_NAMES.join(', ')}.`);
  }
  return [...new Set([...earlier, text])];
}

const HELP = `
Scopes:
${Object.entries(OPERATOR_SCOPES)
  .map(([name, about]) => `  ${name.padEnd(18)} ${about}`)
  .join('\n')}

A key cannot make, rotate or revoke keys: who has stolen one could otherwise keep it for ever.`;

/** Keys of the operator's API. They are made here only. */
export const registerOperatorKey: Register = (program, cli) => {
  const key = program.command('operator-key').description("keys of the operator's API (/operator/v1)");

  key
    .command('create')
    .description('make a key with the scopes that its holder needs')
    .argument('<name>', 'who or what uses it, for people', line)
    .requiredOption('--scope <scope>', 'something that it may do; to be repeated', scope)
    .option('--days <n>', 'days after which it ends', integer(1, 730), 365)
    .addHelpText('after', HELP)
    .action((name: string, { scope: scopes, days }: { scope: OperatorScope[]; days: number }) =>
      cli.run(async ({ database, by }) => {
        const { keyId, secret, expiresAt } = await createOperatorKey(
          { database },
          { name, scopes, days, by },
        );
        return done(
          { key_id: keyId, operator_key: secret, name, scopes, expires_at: expiresAt },
          `${pairs([
            ['key_id', keyId],
            ['operator_key', secret],
            ['scopes', scopes.join(' ')],
            ['ends', expiresAt],
          ])}\n${ONCE}`,
        );
      }),
    );

  key
    .command('list')
    .description('list all keys, without their secrets')
    .action(() =>
      cli.run(async ({ database }) => {
        const keys = await listOperatorKeys({ database });
        return done(
          {
            keys: keys.map((one) => ({
              key_id: one.keyId,
              name: one.name,
              scopes: one.scopes,
              valid_secrets: one.validSecrets,
              created_at: one.createdAt,
              expires_at: one.expiresAt,
              revoked_at: one.revokedAt,
              last_used_on: one.lastUsedOn,
            })),
          },
          table(
            ['KEY_ID', 'NAME', 'SCOPES', 'SECRETS', 'ENDS', 'REVOKED', 'LAST USED'],
            keys.map((one) => [
              one.keyId,
              one.name,
              one.scopes.join(' '),
              one.validSecrets,
              one.expiresAt,
              one.revokedAt,
              one.lastUsedOn,
            ]),
          ),
        );
      }),
    );

  key
    .command('rotate')
    .description(
      'give a key another secret; the previous one stays valid for a while, scopes and end stay as they are',
    )
    .argument('<key_id>')
    .addOption(
      durationOption({
        flags: '--overlap <time>',
        description: 'how long the old secret stays valid',
        usual: '24h',
      }),
    )
    .action((keyId: string, { overlap }: { overlap: number }) =>
      cli.run(async ({ database, by }) => {
        const rotated = await rotateOperatorKey({ database }, { keyId, overlapMs: overlap, by });
        if (rotated.outcome === 'not_found')
          return failure('not_found', `There is no operator key ${keyId}.`);
        if (rotated.outcome === 'disabled') {
          return failure('refused', `The operator key ${keyId} has ended; make another one.`);
        }
        return done(
          { key_id: keyId, operator_key: rotated.secret, old_secret_valid_until: rotated.oldUntil },
          `${pairs([
            ['key_id', keyId],
            ['operator_key', rotated.secret],
            ['old secret until', rotated.oldUntil],
          ])}\n${ONCE}`,
        );
      }),
    );

  key
    .command('revoke')
    .description('end a key for good: its requests are refused within seconds')
    .argument('<key_id>')
    .action((keyId: string) =>
      cli.run(async ({ database, by }) => {
        const switched = await revokeOperatorKey({ database }, { keyId, by });
        if (switched === 'not_found') return failure('not_found', `There is no operator key ${keyId}.`);
        if (switched === 'unchanged') {
          return failure('refused', `The operator key ${keyId} is already revoked.`);
        }
        return done({ key_id: keyId, revoked: true }, `The operator key ${keyId} is revoked.`);
      }),
    );
};
