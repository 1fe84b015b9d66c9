import { normalMrn, type PatientView, type PutPatientBody } from '@emr-payments/contracts';
import { type Database, findConnection, findPatient, type PatientRecord, putPatient } from '@emr-payments/db';
import { type Shares, within } from '@emr-payments/runtime';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { actorOf } from '../auth/authenticate-client-hook.ts';
import { authenticateHook, callerOf, type UserRouteDeps } from '../auth/authenticate-hook.ts';
import { sendError } from '../errors/send-error.ts';
import { findPatientsOperation, putPatientOperation } from './operations.ts';

export type PatientRouteDeps = UserRouteDeps & { database: Pick<Database, 'pool'>; writes: Shares };

const viewOf = ({ mrn, emrPatientId, state, source, syncedAt }: PatientRecord): PatientView => ({
  mrn,
  emr_patient_id: emrPatientId,
  state,
  source,
  synced_at: syncedAt.toISOString(),
});

const LINE = 'must be one line of text, 1 to 255 characters';

/** `GET /v1/patients` and `PUT /v1/patients/{mrn}`. */
export const patientRoutes: FastifyPluginAsyncTypebox<PatientRouteDeps> = async (app, deps) => {
  const onRequest = authenticateHook(deps);
  const { waitMs } = deps.limits;

  app.get(
    '/v1/patients',
    { schema: findPatientsOperation, config: { fieldOrder: ['mrn'], fieldRules: { mrn: LINE } }, onRequest },
    async (request, reply) => {
      const { userId } = callerOf(request);
      const found = await within(waitMs, findPatient(deps, { userId, mrn: normalMrn(request.query.mrn) }));
      return reply.send({
        success: true,
        message: 'Patients.',
        data: found === null ? [] : [viewOf(found)],
        has_more: false,
        next_cursor: null,
      });
    },
  );

  app.put(
    '/v1/patients/:mrn',
    {
      schema: putPatientOperation,
      config: { fieldOrder: ['mrn', 'emr_patient_id'], fieldRules: { mrn: LINE } },
      onRequest,
    },
    async (request, reply) => {
      const { clientPk, userId, userPublicId: publicId } = callerOf(request);
      const { emr_patient_id: emrPatientId }: PutPatientBody = request.body;
      const connection = await within(waitMs, findConnection(deps, { userId }));
      if (connection === null) return sendError(request, reply, 'connection_unusable');
      // With the dialects, which know their EMR's ids: 10 MB that a process without such requests does not need.
      const { readPatient } = await import('@emr-payments/operations');
      const read = readPatient({ mrn: request.params.mrn, emrPatientId }, { connection });
      if (read.outcome === 'unknown_adapter') return sendError(request, reply, 'connection_unusable');
      if (read.outcome === 'bad')
        return sendError(request, reply, 'invalid_field', { field: read.field, rule: read.problem });
      const patient = {
        ...{ userId, publicId, mrn: read.mrn, emrPatientId: read.emrPatientId },
        ...{ connectionVersion: connection.version, by: actorOf(request) },
      };
      const put = await within(
        waitMs,
        deps.writes.run(clientPk, () => putPatient(deps, patient)),
      );
      // The connection was changed in this moment: the same request is judged by the new one.
      if (put.outcome === 'replaced') return sendError(request, reply, 'service_unavailable');
      const message = put.outcome === 'unchanged' ? 'Patient stored already.' : 'Patient stored.';
      return reply.send({ success: true, message, data: viewOf(put.patient) });
    },
  );
};
