import { createReadStream, fstatSync, type ReadStream } from 'node:fs';
import { findUser } from '@emr-payments/db';
import { type ImportReport, importFile, PatientsFileError } from '@emr-payments/operations';
import type { Register } from '../cli.ts';
import { failure, type Outcome } from '../outcome.ts';
import { createProgress } from '../output/progress.ts';

const SHOWN_BAD_ROWS = 20;

function outcomeOf({ added, changed, unchanged, bad, badRows }: ImportReport): Outcome {
  const lines = [
    `${added} added, ${changed} changed, ${unchanged} unchanged, ${bad} left out`,
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

/** The bytes of a stream that is a file, as the standard input may be; null for any other. */
function sizeOf(stream: NodeJS.ReadableStream & { fd?: number }): number | null {
  if (!('bytesRead' in stream) || typeof stream.fd !== 'number') return null;
  const stat = fstatSync(stream.fd);
  return stat.isFile() && stat.size > 0 ? stat.size : null;
}

/** The EMR patient ids of MRNs, from a file. */
export const registerPatients: Register = (program, cli) => {
  program
    .command('patients')
    .description('MRNs and their EMR patient ids')
    .command('import')
    .description('import a CSV file with the columns mrn,emr_patient_id; it can be repeated without harm')
    .argument('<file>', 'the file, or - for the standard input')
    .requiredOption('--user <user_id>', 'the user whose patients they are')
    .action((file: string, { user: publicId }: { user: string }) =>
      cli.run(async ({ database, by, terminal }) => {
        const user = await findUser({ database }, { publicId });
        if (user === null) return failure('not_found', `There is no user ${publicId}.`);
        try {
          const stream = file === '-' ? terminal.stdin : await openFile(file);
          const total = sizeOf(stream);
          const bar = createProgress({ screen: terminal.stderr }, { label: 'patients' });
          const onProgress = (rows: number) => {
            const { bytesRead = 0 } = stream as Partial<ReadStream>;
            bar.update({ done: bytesRead, total, note: `${rows.toLocaleString('en-US')} rows` });
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
