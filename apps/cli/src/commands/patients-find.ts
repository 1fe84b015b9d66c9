import { findUsersPatient } from '@emr-payments/operations';
import type { Register } from '../cli.ts';
import { showFound } from '../output/patient-find.ts';

type Options = { user: string; mrn: string; allowChanges: boolean; dryRun: boolean };

const HELP = `
The MRN is compared exactly, case included. It is stored only when exactly one patient of the EMR has it. emr-payments adapters says
which adapters can search, and by which number; for the others, import a file.

Exit codes: 0 the patient is stored, or with --dry-run would be; 1 the EMR gave no clear answer, or a stored id would be replaced; 2 the
command line is wrong; 3 there is no such user, or no patient with the MRN; 4 several patients have it, the patient's record is closed,
the adapter cannot search, or the user has no connection.`;

/** The EMR patient id of one MRN, from the EMR itself. */
export const registerPatientsFind: Register = (patients, cli) => {
  patients
    .command('find')
    .description('ask the EMR which patient has an MRN, and store it when exactly one has')
    .requiredOption('--user <user_id>', 'the user whose patient it is')
    .requiredOption('--mrn <mrn>', 'the MRN, as payments give it')
    .option('--allow-changes', 'also replace a stored EMR patient id', false)
    .option('--dry-run', 'say what would be written, and write nothing', false)
    .addHelpText('after', HELP)
    .action(({ user: publicId, ...options }: Options) =>
      cli.run(async ({ database, config, by }) => {
        const found = await findUsersPatient(
          { database, keyring: config.readKeyring(), sandboxHosts: config.readSandboxHosts() },
          { publicId, by, ...options },
        );
        return showFound(found, { publicId, ...options });
      }),
    );
};
