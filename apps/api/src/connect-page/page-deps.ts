import type { SandboxHosts } from '@emr-payments/outbound';
import type { Keyring, Logger } from '@emr-payments/runtime';
import type { Limits } from '../limits.ts';
import type { LateConnect } from './late-connect.ts';

export type ConnectPageDeps = {
  /** The beginning of all addresses of the page, without a slash at its end. */
  publicUrl: string;
  late: LateConnect;
  keyring: Keyring;
  sandboxHosts: SandboxHosts;
  limits: Limits;
  logger: Logger;
};

/** The one address to which EMRs send browsers back: it is registered there. */
export const redirectUriOf = (publicUrl: string): string => `${publicUrl}/connect/callback`;
