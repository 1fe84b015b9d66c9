import type { BehaviourScript } from './behaviour.ts';
import type { KnownSecrets } from './known-secrets.ts';
import type { Messages } from './messages.ts';

export type InboxDeps = { messages: Messages; secrets: KnownSecrets; behaviour: BehaviourScript };
