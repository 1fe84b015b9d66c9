import { type NoticeAddressOutcome, noticeAddress } from '@emr-payments/operations';
import type { Register } from '../cli.ts';
import { done, failure, type Outcome } from '../outcome.ts';
import { pairs } from '../output/table.ts';

type Input = { publicId: string; publicUrl: string | undefined };

function outcomeOf({ publicId, publicUrl }: Input, result: NoticeAddressOutcome): Outcome {
  switch (result.outcome) {
    case 'given': {
      const address = `${publicUrl ?? ''}${result.path}`;
      return done(
        { user_id: publicId, notice_address: address, replaced: result.replaced },
        [
          pairs([
            ['user_id', publicId],
            ['notice address', address],
          ]),
          'The address is shown only now. Give it to the EMR, and to nobody else.',
          ...(publicUrl === undefined
            ? ['PUBLIC_URL is not set: put the address of your API in front of it.']
            : []),
          ...(result.replaced ? ['The former address has ended.'] : []),
        ].join('\n'),
      );
    }
    case 'has_one':
      return failure(
        'refused',
        `The user ${publicId} has an address since ${result.since.toISOString()}, which is shown only once. Give --rotate for another one.`,
      );
    case 'no_notices':
      return failure(
        'refused',
        `The EMR of ${publicId} sends no notices (adapter ${result.adapter}): its payments are looked up by themselves.`,
      );
    case 'no_connection':
      return failure('refused', `The user ${publicId} has no connection.`);
    case 'no_user':
      return failure('not_found', `There is no user ${publicId}.`);
  }
}

/** Gives a user the address to which its EMR sends notices. */
export const registerNoticeAddress: Register = (user, cli) => {
  user
    .command('notice-address')
    .description(
      'give a user an address to which its EMR sends notices, so that submitted payments are looked up sooner',
    )
    .requiredOption('--user <user_id>', 'the user whose EMR sends them')
    .option('--rotate', 'give another address; the former one ends at once')
    .action(({ user: publicId, rotate = false }: { user: string; rotate?: boolean }) =>
      cli.run(async ({ database, config, by }) => {
        const result = await noticeAddress({ database }, { publicId, rotate, by });
        return outcomeOf({ publicId, publicUrl: config.publicUrl }, result);
      }),
    );
};
