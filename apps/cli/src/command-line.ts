import { Command, CommanderError, type HelpConfiguration, type Option } from 'commander';
import { type Cli, createCli, type Register, type Terminal } from './cli.ts';
import { registerAdapters } from './commands/adapters.ts';
import { registerArchive } from './commands/archive.ts';
import { registerAudit } from './commands/audit.ts';
import { registerClient } from './commands/client.ts';
import { registerDoctor } from './commands/doctor.ts';
import { registerEvent } from './commands/event.ts';
import { registerHold } from './commands/hold.ts';
import { registerKeys } from './commands/keys.ts';
import { registerOauthApp } from './commands/oauth-app.ts';
import { registerOperatorKey } from './commands/operator-key.ts';
import { registerPatients } from './commands/patients.ts';
import { registerPayment } from './commands/payment.ts';
import { registerRestored } from './commands/restored.ts';
import { registerUpkeep } from './commands/upkeep.ts';
import { registerUser } from './commands/user.ts';
import { registerWebhook } from './commands/webhook.ts';
import { EXIT, type ExitName, failure } from './outcome.ts';
import { printableJson, printableText } from './output/printable.ts';

const COMMANDS: readonly Register[] = [
  registerClient,
  registerUser,
  registerAdapters,
  registerOauthApp,
  registerWebhook,
  registerPatients,
  registerPayment,
  registerEvent,
  registerHold,
  registerRestored,
  registerArchive,
  registerKeys,
  registerOperatorKey,
  registerUpkeep,
  registerDoctor,
  registerAudit,
];

const EXIT_HELP = `
Exit codes: 0 done, 1 failed, 2 the command line is wrong, 3 there is no such record, 4 its state does not allow it.`;

/** Says of an option also whether it must be given, which Commander's own help does not. That one is off by default needs no word. */
function describedOption({
  description,
  mandatory,
  argChoices,
  defaultValue,
  defaultValueDescription,
}: Option): string {
  const isOff = defaultValue === undefined || defaultValue === false || defaultValue === '';
  const notes = [
    ...(mandatory ? ['required'] : []),
    ...(argChoices === undefined ? [] : [`choices: ${argChoices.join(', ')}`]),
    ...(isOff ? [] : [`default: ${defaultValueDescription ?? String(defaultValue)}`]),
  ];
  return notes.length === 0 ? description : `${description} (${notes.join('; ')})`;
}

/** `--json` may be behind every command. */
const HELP: HelpConfiguration = { showGlobalOptions: true, optionDescription: describedOption };

/** Makes the commander program. Help goes to the terminal; its error messages do not: `runCommandLine` shows them. */
export function buildProgram({ terminal }: { terminal: Terminal }, cli: (program: Command) => Cli): Command {
  const program = new Command('emr-payments')
    .description('Commands for the operator of emr-payments. The guide: docs/operating.md')
    .option('--json', 'answer with one JSON document')
    .addHelpText('after', EXIT_HELP);
  const opened = cli(program);
  for (const register of COMMANDS) register(program, opened);
  const configure = (command: Command): void => {
    command
      .exitOverride()
      .configureHelp(HELP)
      .configureOutput({
        writeOut: (text) => terminal.stdout.write(text),
        writeErr: () => undefined,
      });
    for (const child of command.commands) configure(child);
  };
  configure(program);
  return program;
}

/** Commander's codes for a command that was named only in part, such as `emr-payments client`: it shows its help. */
const HELP_CODES = new Set(['commander.help', 'commander.helpDisplayed', 'commander.version']);

/**
 * Reads a command line and runs its command.
 *
 * @param argv the arguments alone, without the runtime and the script.
 * @returns the exit code.
 */
export async function runCommandLine(
  { terminal }: { terminal: Terminal },
  { argv }: { argv: readonly string[] },
): Promise<number> {
  let exit: ExitName = 'ok';
  const program = buildProgram({ terminal }, (root) =>
    createCli({
      terminal,
      wantsJson: () => root.opts().json === true,
      onEnd: (name) => {
        exit = name;
      },
    }),
  );
  try {
    await program.parseAsync(argv, { from: 'user' });
    return EXIT[exit];
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return EXIT.ok;
    const message = HELP_CODES.has(error.code)
      ? 'The command is not complete; --help lists the commands.'
      : `${error.message.replace(/^error: /, '').replace(/\.?\s*$/, '')}. See --help.`;
    const { data, text } = failure('usage', message);
    if (argv.includes('--json')) terminal.stdout.write(`${printableJson(data)}\n`);
    else terminal.stderr.write(`${printableText(text)}\n`);
    return EXIT.usage;
  }
}
