import type { PatientImportReply } from '@emr-payments/contracts';
import { type AuditCounter, type Database, findConnection } from '@emr-payments/db';
import type { ImportOutcome, ImportReport } from '@emr-payments/operations';
import { within } from '@emr-payments/runtime';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { countDone } from '../audit/count-answer.ts';
import { actorOf } from '../auth/authenticate-client-hook.ts';
import { authenticateHook, callerOf, type UserRouteDeps } from '../auth/authenticate-hook.ts';
import type { ImportBulkhead } from '../bulkheads/import-bulkhead.ts';
import { sendError } from '../errors/send-error.ts';
import { knownCallerOf } from '../http/known-caller.ts';
import { bodyBytes, FileTooLargeError, onlyCsvBodies } from './import-body.ts';
import { CSV, importPatientsOperation } from './operations.ts';

export type ImportRouteDeps = UserRouteDeps & {
  database: Pick<Database, 'pool'>;
  imports: ImportBulkhead;
  audit: Pick<AuditCounter, 'action'>;
};

/** The description of the operation names both bounds. */
const MOST_BYTES = 16 * 1024 * 1024;
const MOST_ROWS = 200_000;

const reportView = (report: ImportReport): PatientImportReply['data'] => ({
  dry_run: report.dryRun,
  added: report.added,
  changed: report.changed,
  unchanged: report.unchanged,
  repeated: report.repeated,
  left_out: report.bad,
  held_back: report.heldBack,
  bad_rows: report.badRows,
  changes: report.changes,
  shared_ids: { count: report.sharedIds.count, lines: [...report.sharedIds.lines] },
});

type Tried = ImportOutcome | { outcome: 'unusable'; reason: string } | { outcome: 'too_large' };

/** `POST /v1/patients:import`. A path's colon is written twice for the router. */
export const patientImportRoute: FastifyPluginAsyncTypebox<ImportRouteDeps> = async (app, deps) => {
  onlyCsvBodies(app);
  app.post(
    '/v1/patients::import',
    {
      schema: importPatientsOperation,
      config: {
        repeatable: true,
        mediaType: CSV,
        fieldRules: { dry_run: 'must be true or false', allow_changes: 'must be true or false' },
      },
      onRequest: authenticateHook(deps),
    },
    async (request, reply) => {
      if (request.body === undefined) return sendError(request, reply, 'missing_body', { mediaType: CSV });
      const tooLarge = () => sendError(request, reply, 'payload_too_large', { limit: '16 MiB' });
      if (Number(request.headers['content-length'] ?? 0) > MOST_BYTES) return tooLarge();
      const { clientPk, userId, userPublicId: publicId } = callerOf(request);
      const { dry_run: dryRun = false, allow_changes: allowChanges = false } = request.query;
      // With the dialects, which know their EMR's ids: 10 MB that a process without such requests does not need.
      const { importFile, PatientsFileError } = await import('@emr-payments/operations');

      const result = await deps.imports.shares.run(clientPk, async (): Promise<Tried> => {
        try {
          const connection = await within(deps.limits.waitMs, findConnection(deps, { userId }));
          return await importFile(deps.imports, {
            stream: bodyBytes(request.raw, { mostBytes: MOST_BYTES }),
            user: { id: userId, publicId, connection },
            ...{ allowChanges, dryRun, mostRows: MOST_ROWS, by: actorOf(request) },
          });
        } catch (error) {
          if (error instanceof PatientsFileError) return { outcome: 'unusable', reason: error.message };
          if (error instanceof FileTooLargeError) return { outcome: 'too_large' };
          throw error;
        }
      });
      switch (result.outcome) {
        case 'no_connection':
          return sendError(request, reply, 'connection_unusable');
        case 'busy':
          return sendError(request, reply, 'import_in_progress');
        case 'too_large':
          return tooLarge();
        case 'unusable':
          return sendError(request, reply, 'patients_file_unusable', result);
        case 'no_record':
          return sendError(request, reply, 'patients_file_unusable', {
            reason: 'It has no patient: nothing follows the line that names the columns.',
          });
        case 'imported': {
          // Its answer shows which MRNs and ids are stored. One that writes has an entry.
          const caller = knownCallerOf(request);
          if (dryRun && caller !== null)
            countDone(deps.audit, { caller, request, action: 'patients.compare' });
          const message = dryRun ? 'This would be imported. Nothing was written.' : 'Patients imported.';
          return reply.send({ success: true, message, data: reportView(result) });
        }
      }
    },
  );
};
