import {
  listOauthApplications,
  type OauthAppField,
  removeOauthApp,
  setOauthApp,
} from '@emr-payments/operations';
import type { CommandDeps, Register } from '../cli.ts';
import { loadCredentials } from '../load-credentials.ts';
import { done, failure, type Outcome } from '../outcome.ts';
import { pairs, table } from '../output/table.ts';

type Options = {
  baseUrl: string;
  authorizeUrl?: string;
  tokenUrl?: string;
  clientId: string;
  scopes: string;
  issuer?: string;
  credentials: string;
};

/** The place where a field is given. The secret alone is in the credentials. */
const optionOf = (field: OauthAppField): string =>
  field === 'client_secret' ? field : `--${field.replaceAll('_', '-')}`;

async function set(
  { database, config, by, terminal }: CommandDeps,
  adapter: string,
  { credentials: source, ...given }: Options,
): Promise<Outcome> {
  const keyring = config.readKeyring();
  const read = await loadCredentials({ stdin: terminal.stdin }, { source });
  if (!read.ok) return failure('failed', read.reason);
  const { client_secret: clientSecret, ...others } = read.credentials;
  if (clientSecret === undefined || Object.keys(others).length > 0)
    return failure('failed', 'The credentials must be {"client_secret": "…"} and nothing else.');
  const { issuer = null, authorizeUrl = null, tokenUrl = null, ...rest } = given;
  const result = await setOauthApp(
    { database, keyring },
    { adapter, ...rest, issuer, authorizeUrl, tokenUrl, clientSecret, by },
  );
  switch (result.outcome) {
    case 'unknown_adapter':
      return failure('usage', `There is no adapter '${adapter}'. emr-payments adapters lists them.`);
    case 'no_logins':
      return failure(
        'refused',
        `The credentials of the adapter ${adapter} come from no login; those of these do: ${result.adapters.join(', ')}.`,
      );
    case 'wrong':
      return failure('usage', `${optionOf(result.field)} ${result.rule}.`);
    case 'unchanged':
    case 'set': {
      const { adapter: name, baseUrl } = result.application;
      const redirect = config.publicUrl === undefined ? 'PUBLIC_URL' : config.publicUrl;
      return done(
        { adapter: name, base_url: baseUrl, redirect_uri: `${redirect}/connect/callback` },
        `${pairs([
          ['adapter', name],
          ['base URL', baseUrl],
          ['redirect URI', `${redirect}/connect/callback`],
        ])}\nRegister the redirect URI for the application at the EMR, letter by letter.`,
      );
    }
  }
}

/** The operator's applications at EMRs, with which practices log in over the connect page. */
export const registerOauthApp: Register = (program, cli) => {
  const app = program
    .command('oauth-app')
    .description("the operator's applications at EMRs, with which practices log in over the connect page");

  app
    .command('set')
    .description('keep an application, or replace the one of the same adapter and base URL')
    .argument('<adapter>', 'such as drchrono')
    .requiredOption(
      '--base-url <url>',
      "the address of the EMR's API, of every practice that logs in with it",
    )
    .option('--authorize-url <url>', 'where a person logs in; not for a FHIR server that publishes it')
    .option('--token-url <url>', 'where the code is exchanged; not for a FHIR server that publishes it')
    .requiredOption('--client-id <id>', 'the id of the application')
    .option(
      '--scopes <scopes>',
      'what it asks for, separated by blanks; of a FHIR server by default what is needed',
      '',
    )
    .option('--issuer <iss>', "the server's own name, where it is not the origin of --authorize-url")
    .requiredOption('--credentials <file>', 'a JSON file {"client_secret": "…"}, or - for the standard input')
    .action((adapter: string, options: Options) => cli.run((deps) => set(deps, adapter, options)));

  app
    .command('list')
    .description('list them, without their secrets')
    .action(() =>
      cli.run(async ({ database }) => {
        const all = await listOauthApplications({ database });
        return done(
          {
            applications: all.map((one) => ({
              adapter: one.adapter,
              base_url: one.baseUrl,
              authorize_url: one.authorizeUrl,
              token_url: one.tokenUrl,
              client_id: one.clientId,
              scopes: one.scopes,
              issuer: one.issuer,
            })),
          },
          table(
            ['ADAPTER', 'BASE_URL', 'CLIENT_ID', 'SCOPES'],
            all.map((one) => [one.adapter, one.baseUrl, one.clientId, one.scopes]),
          ),
        );
      }),
    );

  app
    .command('remove')
    .description('remove one: nobody logs in with it any more; connections made with it go on')
    .argument('<adapter>')
    .requiredOption('--base-url <url>', 'the one that list shows')
    .action((adapter: string, { baseUrl }: { baseUrl: string }) =>
      cli.run(async ({ database, by }) => {
        const removed = await removeOauthApp({ database }, { adapter, baseUrl, by });
        if (removed === 'not_found')
          return failure('not_found', `There is no application of ${adapter} for ${baseUrl}.`);
        return done({ adapter, base_url: baseUrl, removed: true }, 'The application is removed.');
      }),
    );
};
