import { createReadStream, fstatSync, type ReadStream } from 'node:fs';
import { findUser } from '@emr-payments/db';
import { type ImportReport, importFile, PatientsFileError } from '@emr-payments/operations';
import type { Register } from '../cli.ts';
import { failure, type Outcome } from '../outcome.ts';
import { createProgress } from '../output/progress.ts';

const SHOWN_BAD_ROWS = 20;

function outcomeOf({ added, changed, unchanged, bad, badRows }: ImportReport): Outcome {
  const lines = [
    `${added} added, ${changed} changed, ${unchanged} already so, ${bad} left out`,
    ...badRows.slice(0, SHOWN_BAD_ROWS).map(({ line, problem }) => `line ${line}: ${problem}`),
    ...(bad > SHOWN_BAD_ROWS ? [`… and ${bad - SHOWN_BAD_ROWS} more`] : []),
  ];
  return {
    exit: bad === 0 ? 'ok' : 'failed',
    data: { added, changed, unchanged, left_out: bad, bad_rows: badRows },
    text: lines.join('\n'),
  };
}

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

function sizeOf(stream: ReadStream & { fd?: number }): number | null {
  const stat = typeof stream.fd === 'number' ? fstatSync(stream.fd) : null;
  return stat?.isFile() === true && stat.size > 0 ? stat.size : null;
}

/** MRN to EMR patient id, from a file. */
export const registerPatients: Register = (program, cli) => {
  program
    .command('patients')
    .description('MRNs and their EMR patient ids')
    .command('import')
    .description('take over a CSV file with the columns mrn,emr_patient_id; safe to run again')
    .argument('<file>', 'the file, or - for the standard input')
    .requiredOption('--user <user_id>', 'whose patients they are')
    .action((file: string, { user: publicId }: { user: string }) =>
      cli.run(async ({ database, by }) => {
        const user = await findUser({ database }, { publicId });
        if (user === null) return failure('not_found', `There is no user ${publicId}.`);
        try {
          const stream = file === '-' ? process.stdin : await openFile(file);
          const total = 'bytesRead' in stream ? sizeOf(stream as ReadStream) : null;
          const bar = createProgress({}, { label: 'patients', total });
          const onProgress = (rows: number) => {
            const { bytesRead = 0 } = stream as Partial<ReadStream>;
            bar.update(bytesRead, `${rows.toLocaleString('en-US')} rows`);
          };
          try {
            return outcomeOf(await importFile({ database }, { stream, user, by, onProgress }));
          } finally {
            bar.end();
          }
        } catch (error) {
          if (error instanceof PatientsFileError) return failure('failed', error.message);
          throw error;
        }
      }),
    );
};
