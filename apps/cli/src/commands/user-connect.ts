import {
  type ConnectionSetup,
  connectUser,
  findClientPk,
  findUser,
  knowsTimeZone,
  saveConnection,
} from '@emr-payments/db';
import { checkConnection } from '@emr-payments/operations';
import { Option } from 'commander';
import { integer, line, rate, setting } from '../arguments.ts';
import type { CommandDeps, Register } from '../cli.ts';
import { done, failure, type Outcome } from '../outcome.ts';
import { pairs } from '../output/table.ts';
import { readCredentials } from '../read-credentials.ts';

type Options = {
  client?: string;
  name?: string;
  user?: string;
  adapter: string;
  baseUrl: string;
  timeZone: string;
  credentials?: string;
  setting?: Record<string, string | number | boolean>;
  concurrency: number;
  rate?: number;
  check: boolean;
};

/** Whose connection it is to be: a new user of a client, or one that is there. */
type Owner = { clientPk: number; name: string } | { userId: number; publicId: string };

async function findOwner({ database }: CommandDeps, options: Options): Promise<Owner | Outcome> {
  const { client, name, user } = options;
  if (user !== undefined) {
    if (client !== undefined || name !== undefined) {
      return failure('usage', 'Give --user to change a connection, or --client and --name to make a user.');
    }
    const found = await findUser({ database }, { publicId: user });
    return found === null
      ? failure('not_found', `There is no user ${user}.`)
      : { userId: found.id, publicId: user };
  }
  if (client === undefined || name === undefined) {
    return failure('usage', 'Give --client and --name to make a user, or --user to change its connection.');
  }
  const clientPk = await findClientPk({ database }, { clientId: client });
  return clientPk === null ? failure('not_found', `There is no client ${client}.`) : { clientPk, name };
}

async function connect(deps: CommandDeps, options: Options): Promise<Outcome> {
  const { database, config, by } = deps;
  const keyring = config.readKeyring();
  const owner = await findOwner(deps, options);
  if ('exit' in owner) return owner;
  const { adapter, baseUrl, timeZone, concurrency, rate, setting: settings = {} } = options;
  if (!(await knowsTimeZone({ database }, { timeZone }))) {
    return failure('usage', `There is no time zone '${timeZone}'; give one such as America/New_York.`);
  }
  const read = await readCredentials(options.credentials);
  if (!read.ok) return failure('failed', read.reason);
  const { credentials } = read;

  if (options.check) {
    const userId = 'userId' in owner ? owner.userId : 0;
    const checked = await checkConnection({ userId, adapter, baseUrl, timeZone, credentials, settings });
    if (!checked.ok) {
      return failure('failed', `The EMR connection does not work, and nothing was saved: ${checked.reason}`);
    }
  }

  const setup: ConnectionSetup = {
    adapter,
    baseUrl,
    timeZone,
    credentials,
    settings,
    concurrency,
    ratePerSecond: rate,
  };
  if ('userId' in owner) {
    await saveConnection({ database, keyring }, { userId: owner.userId, ...setup, by });
    return done({ user_id: owner.publicId }, `The connection of ${owner.publicId} is saved.`);
  }
  const user = await connectUser({ database, keyring }, { ...owner, ...setup, by });
  return done(
    { user_id: user.publicId, access_token: user.accessToken },
    `${pairs([
      ['user_id', user.publicId],
      ['access_token', user.accessToken],
    ])}\nThe token is shown this once: keep it now.`,
  );
}

export const registerUserConnect: Register = (user, cli) => {
  user
    .command('connect')
    .description(
      'make a user with its EMR connection, or change the connection of one; it is tried before it is saved',
    )
    .option('--client <client_id>', 'make a user of this client')
    .option('--name <name>', 'what people call the user', line)
    .option('--user <user_id>', 'change the connection of this user instead')
    .addOption(new Option('--adapter <name>', 'the kind of EMR').default('fhir-r5'))
    .requiredOption('--base-url <url>', "the EMR's address")
    .requiredOption('--time-zone <name>', "the practice's, such as America/New_York")
    .option('--credentials <file>', 'a JSON file, or - for the standard input: {"bearer_token": "…"}')
    .option('--setting <name=value>', 'of the adapter; may be given again', setting)
    .option('--concurrency <n>', 'postings at once to this EMR', integer(1, 1000), 4)
    .option('--rate <n>', 'postings in a second to this EMR at most, such as 0.5', rate)
    .option('--no-check', 'save it without trying it')
    .action((options: Options) => cli.run((deps) => connect(deps, options)));
};
