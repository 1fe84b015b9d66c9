import { Type } from '@sinclair/typebox';
import type { RefusalForm } from '../../http/evidence.ts';
import { readJsonAs } from '../../http/read-json.ts';
import { errorIn, type NexError, saidBy } from './envelope.ts';

/** "All NexHealth Synchronizer API responses will return a boolean field named code" (https://docs.nexhealth.com/reference/response-body). */
const FrameSchema = Type.Object({ code: Type.Boolean(), error: Type.Array(Type.String(), { minItems: 1 }) });

/**
 * NexHealth documents 400, 401, 403 and 500 of `POST /payments` (https://docs.nexhealth.com/reference/postpayments) and 429
 * (https://docs.nexhealth.com/reference/rate-limiting), and one frame for all answers. Only a 400 is a refusal of the payment.
 */
export const FORM: RefusalForm<NexError> = {
  refuses: [400],
  unauthorized: 'complaint',
  forbidden: 'complaint',
  throttled: 'complaint',
  complaint({ body }) {
    const error = readJsonAs(FrameSchema, body) === null ? null : errorIn(body);
    return error === null ? null : { kind: 'refusal', refusal: error };
  },
  words: saidBy,
};
