/** Everything that a key of the operator's API can be allowed to do, with words for people. A key has the scopes that it was made with. */
export const OPERATOR_SCOPES = {
  'clients:read': 'list clients and their webhook endpoints',
  'clients:write':
    'make, disable and enable clients, register where their browsers go back to; disable and enable webhook endpoints, send events again',
  'users:read': 'list users with their EMR connections, without credentials',
  'users:write': 'disable and enable users',
  'connections:read': 'show how a connection is set up and how its login is',
  'connections:write':
    'connect users, change their connections and credentials, try connections, start syncs',
  'oauth_apps:read': 'list the applications at EMRs with which practices log in, without their secrets',
  'oauth_apps:write': 'set and remove these applications; who sets one decides where practices log in',
  'secrets:write': 'rotate client secrets and access tokens, give addresses for the notices of EMRs',
  'holds:read': 'list the holds that are on',
  'holds:write': 'stop and continue posting',
  'worklist:read': 'list and show payments that wait for a person; they hold data of patients',
  'worklist:write': 'retry and resolve payments',
  'audit:read': 'read the audit log',
  'status:read': 'check the whole service, as `doctor` does',
} as const;

export type OperatorScope = keyof typeof OPERATOR_SCOPES;

export const OPERATOR_SCOPE_NAMES = Object.keys(OPERATOR_SCOPES) as OperatorScope[];

/** True for the name of a scope. */
export const isOperatorScope = (name: string): name is OperatorScope => Object.hasOwn(OPERATOR_SCOPES, name);
