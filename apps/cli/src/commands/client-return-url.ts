import { listReturnUrls, registerReturnUrl, removeReturnUrl } from '@emr-payments/operations';
import type { Register } from '../cli.ts';
import { done, failure } from '../outcome.ts';
import { table } from '../output/table.ts';

const noClient = (clientId: string) => failure('not_found', `There is no client ${clientId}.`);

/** The addresses to which the connect page may send the browsers of a client's practices back. */
export const registerClientReturnUrl: Register = (client, cli) => {
  const returnUrl = client
    .command('return-url')
    .description('addresses to which the connect page sends browsers back');

  returnUrl
    .command('add')
    .description('register one; sessions give it letter by letter')
    .argument('<client_id>')
    .argument('<url>', 'https; of a test client also http on its own machine')
    .action((clientId: string, url: string) =>
      cli.run(async ({ database, by }) => {
        const result = await registerReturnUrl({ database }, { clientId, url, by });
        if (result.outcome === 'not_found') return noClient(clientId);
        if (result.outcome === 'wrong')
          return failure('usage', `The address cannot be used: ${result.reason}.`);
        if (result.outcome === 'unchanged') return failure('refused', `${url} is registered already.`);
        return done({ client_id: clientId, return_url: url }, `${url} is registered.`);
      }),
    );

  returnUrl
    .command('list')
    .description('list those of a client')
    .argument('<client_id>')
    .action((clientId: string) =>
      cli.run(async ({ database }) => {
        const urls = await listReturnUrls({ database }, { clientId });
        if (urls === null) return noClient(clientId);
        return done(
          { return_urls: urls.map(({ url, createdAt }) => ({ return_url: url, created_at: createdAt })) },
          table(
            ['RETURN_URL', 'CREATED'],
            urls.map(({ url, createdAt }) => [url, createdAt]),
          ),
        );
      }),
    );

  returnUrl
    .command('remove')
    .description('remove one; sessions that were made with it end there for their 15 minutes')
    .argument('<client_id>')
    .argument('<url>')
    .action((clientId: string, url: string) =>
      cli.run(async ({ database, by }) => {
        const removed = await removeReturnUrl({ database }, { clientId, url, by });
        if (removed === 'not_found') return noClient(clientId);
        if (removed === 'not_registered') return failure('not_found', `${url} is not registered.`);
        return done({ client_id: clientId, return_url: url, removed: true }, `${url} is removed.`);
      }),
    );
};
