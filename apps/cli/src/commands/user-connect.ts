import { adapterNames } from '@emr-payments/emr';
import {
  type ConnectionOwner,
  OTHER_PRACTICE,
  type SetUpOutcome,
  sendsNotices,
  setUpConnection,
} from '@emr-payments/operations';
import { Option } from 'commander';
import { assignment, integer, line, rate } from '../arguments.ts';
import type { CommandDeps, Register } from '../cli.ts';
import { loadCredentials } from '../load-credentials.ts';
import { done, failure, type Outcome } from '../outcome.ts';
import { pairs } from '../output/table.ts';

type Options = {
  client?: string;
  name?: string;
  user?: string;
  adapter?: string;
  baseUrl: string;
  timeZone: string;
  credentials?: string;
  setting?: Record<string, string>;
  concurrency: number;
  rate?: number;
  shareEmrText?: boolean;
  allowPlainHttp?: boolean;
  allowOtherPractice?: boolean;
  check: boolean;
};

function ownerOf({ client, name, user }: Options): ConnectionOwner | Outcome {
  if (user !== undefined) {
    return client === undefined && name === undefined
      ? { publicId: user }
      : failure('usage', 'Give --user to change a connection, or --client and --name to make a user.');
  }
  return client !== undefined && name !== undefined
    ? { clientId: client, name }
    : failure('usage', 'Give --client and --name to make a user, or --user to change its connection.');
}

const ADAPTERS = `one of: ${adapterNames.join(', ')}`;

type Notes = { remarks: readonly string[]; unusable: readonly string[] };

const notesOf = ({ remarks, unusable }: Notes) => ({ remarks, unusable });

/** Lines about a connection that works: remarks, and entries that cannot be used. */
export const noteLines = ({ remarks, unusable }: Notes): string[] => [
  ...remarks,
  ...unusable.map((entry) => `Cannot be used: ${entry}.`),
];

function outcomeOf(options: Options, result: SetUpOutcome): Outcome {
  switch (result.outcome) {
    case 'created':
      return done(
        { user_id: result.publicId, access_token: result.accessToken, ...notesOf(result) },
        [
          pairs([
            ['user_id', result.publicId],
            ['access_token', result.accessToken],
          ]),
          'The token is shown only now: keep it.',
          ...noteLines(result),
          ...(sendsNotices({ adapter: options.adapter ?? '' })
            ? [`Its EMR can send notices: emr-payments user notice-address --user ${result.publicId}`]
            : []),
        ].join('\n'),
      );
    case 'changed':
      return done(
        { user_id: result.publicId, ...notesOf(result) },
        [`The connection of ${result.publicId} is saved.`, ...noteLines(result)].join('\n'),
      );
    case 'no_client':
      return failure('not_found', `There is no client ${options.client}.`);
    case 'no_user':
      return failure('not_found', `There is no user ${options.user}.`);
    case 'unknown_time_zone':
      return failure(
        'usage',
        `There is no time zone '${options.timeZone}'; give one such as America/New_York.`,
      );
    case 'wrong_base_url':
      return failure('usage', `The address of --base-url cannot be used: ${result.reason}`);
    case 'plain_http':
      return failure(
        'usage',
        `${result.address === 'base_url' ? 'The address of --base-url' : 'The token_url'} is http on another machine: the credentials and patient data could be read on the way. ` +
          'Give an https address, or --allow-plain-http if you know that the network between is protected.',
      );
    // Not of a connection of an operator's, which is not guarded.
    case 'address_refused':
      return failure('failed', result.reason);
    case 'wrong_host':
      return failure('refused', `The connection was not saved: ${result.reason}`);
    case 'no_adapter':
      return failure('usage', `Say with --adapter which kind of EMR it is, ${ADAPTERS}. See --help.`);
    case 'unknown_adapter':
      return failure('usage', `There is no adapter '${result.adapter}'; give ${ADAPTERS}. See --help.`);
    case 'wrong_settings':
      return failure('usage', result.reason);
    case 'wrong_credentials':
      return failure('failed', result.reason);
    case 'cannot_open':
      return failure(
        'failed',
        `The EMR connection cannot be used as it is set up, and nothing was saved: ${result.reason}`,
      );
    case 'not_working':
      return failure('failed', `The EMR connection does not work, and nothing was saved: ${result.reason}`);
    case 'other_practice':
      return failure(
        'refused',
        `Nothing was saved: ${OTHER_PRACTICE} If that is right, give --allow-other-practice.`,
      );
  }
}

async function connect({ database, config, by, terminal }: CommandDeps, options: Options): Promise<Outcome> {
  const keyring = config.readKeyring();
  const sandboxHosts = config.readSandboxHosts();
  const owner = ownerOf(options);
  if ('exit' in owner) return owner;
  const read = await loadCredentials({ stdin: terminal.stdin }, { source: options.credentials });
  if (!read.ok) return failure('failed', read.reason);
  const {
    adapter,
    baseUrl,
    timeZone,
    concurrency,
    rate,
    check,
    shareEmrText,
    allowPlainHttp = false,
    allowOtherPractice = false,
    setting: settings = {},
  } = options;
  const result = await setUpConnection(
    { database, keyring, sandboxHosts },
    {
      owner,
      adapter,
      baseUrl,
      timeZone,
      credentials: read.credentials,
      settings,
      concurrency,
      ratePerSecond: rate,
      shareEmrText,
      allowPlainHttp,
      allowOtherPractice,
      check,
      guarded: false,
      setsLimits: true,
      by,
    },
  );
  return outcomeOf(options, result);
}

const ADAPTER_HELP = '\nThe credentials and settings of each adapter: emr-payments adapters <name>';

export const registerUserConnect: Register = (user, cli) => {
  user
    .command('connect')
    .description('make a user with its EMR connection, or replace the connection of a user')
    .option('--client <client_id>', 'make a user of this client')
    .option('--name <name>', 'the name of the new user, for people', line)
    .option('--user <user_id>', 'replace the connection of this user instead')
    .option(
      '--adapter <name>',
      `the kind of EMR, ${ADAPTERS}; may be left out only where --user already has a connection`,
    )
    .requiredOption('--base-url <url>', "the EMR's address")
    .requiredOption('--time-zone <name>', "the practice's, such as America/New_York")
    .option('--credentials <file>', 'a JSON file with the credentials, or - for the standard input')
    .option('--setting <name=value>', 'a setting of the adapter; may be repeated', assignment)
    .option('--concurrency <n>', 'most postings to this EMR at the same time', integer(1, 1000), 4)
    .option('--rate <n>', 'most postings to this EMR in a second, such as 0.5', rate)
    .addOption(
      new Option(
        '--share-emr-text',
        "pass the EMR's own words, which can name a patient, on to the integrator; without this option it stays as it is, " +
          'at first off',
      ),
    )
    .addOption(new Option('--no-share-emr-text', "keep the EMR's own words sealed, for the operator only"))
    .option(
      '--allow-plain-http',
      'take an http address of another machine; without this option it must be https, or on this machine',
    )
    .option(
      '--allow-other-practice',
      'with --user: save it also where none of the patients to whom the last payments went is found, because it is meant to be another practice',
    )
    .option(
      '--no-check',
      'save the connection without a call to the EMR; settings that are not given claim nothing',
    )
    .addHelpText('after', ADAPTER_HELP)
    .action((options: Options) => cli.run((deps) => connect(deps, options)));
};
