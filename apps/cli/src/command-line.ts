import { Command, CommanderError } from 'commander';
import { type Cli, createCli, type Register } from './cli.ts';
import { registerAudit } from './commands/audit.ts';
import { registerClient } from './commands/client.ts';
import { registerDoctor } from './commands/doctor.ts';
import { registerEvent } from './commands/event.ts';
import { registerKeys } from './commands/keys.ts';
import { registerPatients } from './commands/patients.ts';
import { registerPayment } from './commands/payment.ts';
import { registerUser } from './commands/user.ts';
import { registerWebhook } from './commands/webhook.ts';
import { EXIT, failure } from './outcome.ts';

const COMMANDS: readonly Register[] = [
  registerClient,
  registerUser,
  registerWebhook,
  registerPatients,
  registerPayment,
  registerEvent,
  registerKeys,
  registerDoctor,
  registerAudit,
];

const EXIT_HELP = `
Exit codes: 0 done, 1 failed, 2 the command line is wrong, 3 there is no such record, 4 its state does not allow it.`;

/** The commander program. @param output where its own messages go. */
function buildProgram(cli: (program: Command) => Cli): Command {
  const program = new Command('emr-payments')
    .description('What an operator of emr-payments does. The guide: docs/operating.md')
    .option('--json', 'answer with one JSON document')
    .addHelpText('after', EXIT_HELP)
    .exitOverride();
  const opened = cli(program);
  for (const register of COMMANDS) register(program, opened);
  // Commander's own messages are kept back: one of them is shown, in our way.
  const quiet = (command: Command): void => {
    command.exitOverride().configureOutput({ writeErr: () => undefined });
    for (const child of command.commands) quiet(child);
  };
  quiet(program);
  return program;
}

/** Whether a command was named only in part, so that the help is the answer. */
const HELP_CODES = new Set(['commander.help', 'commander.helpDisplayed', 'commander.version']);

/** Reads the command line, runs the command, and sets the exit code. */
export async function runCommandLine(argv: readonly string[]): Promise<void> {
  const program = buildProgram((root) => createCli({ wantsJson: () => root.opts().json === true }));
  try {
    await program.parseAsync(argv);
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return;
    process.exitCode = EXIT.usage;
    // `emr-payments client` alone: commander would show the help as an error.
    const incomplete = HELP_CODES.has(error.code);
    const message = incomplete
      ? 'The command is not complete; --help lists what there is.'
      : `${error.message.replace(/^error: /, '').replace(/\.?\s*$/, '')}. See --help.`;
    const { data, text } = failure('usage', message);
    if (argv.includes('--json')) process.stdout.write(`${JSON.stringify(data, null, 2)}\n`);
    else process.stderr.write(`${text}\n`);
  }
}
