export { type AppEnd, type AppName, type AppProcess, type AppSpec, startApp } from './apps/app-process.ts';
export { type Credentials, PUBLISHED_BODY, publishedCurl } from './demo/published-curl.ts';
export { SANDBOX_MRNS, type SandboxPractice, sandboxPractices } from './demo/sandbox-practices.ts';
export { describeStack } from './dev/describe-stack.ts';
export * from './embedded-postgres.ts';
export * from './ports.ts';
export { type AppAccess, appAccess } from './postgres/app-access.ts';
export * from './start-stack.ts';
export * from './tether.ts';
