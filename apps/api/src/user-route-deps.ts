import type { Authenticate } from './auth/credentials.ts';
import type { Limits } from './limits.ts';
import type { Gate } from './rate-limit/gate.ts';

/** What every route of a user needs. */
export type UserRouteDeps = { authenticate: Authenticate; gate: Gate; limits: Limits };
