import { leaveOutUndici } from '@emr-payments/runtime/leave-out-undici';

leaveOutUndici();

// Imported here and not at the top: Node reads its own modules while it links those that import them, before anything of them runs.
await import('./start-api.ts');
