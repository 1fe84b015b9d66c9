import { createReadStream, fstatSync, type ReadStream } from 'node:fs';
import { importUsersPatients, PatientsFileError } from '@emr-payments/operations';
import type { Register } from '../cli.ts';
import { failure } from '../outcome.ts';
import { showImport } from '../output/patient-import.ts';
import { createProgress } from '../output/progress.ts';
import { registerPatientsFind } from './patients-find.ts';

/** Resolves when the file is open, so that a missing one is known before anything else is done. */
function openFile(path: string): Promise<ReadStream> {
  return new Promise((resolve, reject) => {
    const stream = createReadStream(path, { highWaterMark: 256 * 1024 });
    stream.once('open', () => resolve(stream));
    stream.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        new PatientsFileError(`The file cannot be read (${error.code ?? error.message}).`, { cause: error }),
      ),
    );
  });
}

/** The bytes of a stream that is a file, as the standard input may be; null for any other. */
function sizeOf(stream: NodeJS.ReadableStream & { fd?: number }): number | null {
  if (!('bytesRead' in stream) || typeof stream.fd !== 'number') return null;
  const stat = fstatSync(stream.fd);
  return stat.isFile() && stat.size > 0 ? stat.size : null;
}

type Options = { user: string; allowChanges: boolean; dryRun: boolean };

const HELP = `
A file is CSV (RFC 4180) in UTF-8, or in UTF-16 with a byte order mark; its first line names the columns, separated by comma,
semicolon or tab. A row that is not certain is refused and listed by line: a damaged id, an MRN with two ids, a row that would
replace a stored id. All others are written, in one transaction. A file with quotation marks that do not match, or in another
encoding, is refused as a whole.

Exit codes: 0 every row of the file is stored as the file says; 1 a row or the file was refused, or the file has no row;
2 the command line is wrong; 3 there is no such user; 4 the user has no connection, or another import of its patients is running.`;

/** The EMR patient ids of MRNs, from a file or from the EMR itself. */
export const registerPatients: Register = (program, cli) => {
  const patients = program.command('patients').description('MRNs and their EMR patient ids');
  registerPatientsFind(patients, cli);

  patients
    .command('import')
    .description('import a CSV file with the columns mrn,emr_patient_id; it can be repeated without harm')
    .argument('<file>', 'the file, or - for the standard input')
    .requiredOption('--user <user_id>', 'the user whose patients they are')
    .option('--allow-changes', 'also write rows that replace a stored EMR patient id', false)
    .option('--dry-run', 'say what would be written, and write nothing', false)
    .addHelpText('after', HELP)
    .action((file: string, { user: publicId, allowChanges, dryRun }: Options) =>
      cli.run(async ({ database, by, terminal }) => {
        let stream: NodeJS.ReadableStream = terminal.stdin;
        const open = async () => {
          if (file !== '-') stream = await openFile(file);
          return stream;
        };
        const bar = createProgress({ screen: terminal.stderr }, { label: 'patients' });
        const onProgress = (rows: number) => {
          const { bytesRead = 0 } = stream as Partial<ReadStream>;
          const note = `${rows.toLocaleString('en-US')} rows`;
          bar.update({ done: bytesRead, total: sizeOf(stream), note });
        };
        try {
          const input = { publicId, open, by, allowChanges, dryRun, onProgress };
          const imported = await importUsersPatients({ database }, input).finally(() => bar.end());
          if (imported.outcome === 'no_user') return failure('not_found', `There is no user ${publicId}.`);
          return showImport(imported);
        } catch (error) {
          if (error instanceof PatientsFileError) return failure('failed', error.message);
          throw error;
        }
      }),
    );
};
