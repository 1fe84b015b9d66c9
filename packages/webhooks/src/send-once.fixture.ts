import { createAgents } from './agents.ts';
import { sendWebhook } from './send.ts';
import { newWebhookSecret } from './signing-secrets.ts';

/** A process of its own that sends one webhook to the URL in its arguments, and prints the outcome. */
const url = process.argv[2] ?? '';
const policy = { allowHosts: [new URL(url).hostname] };
const agents = createAgents({ policy });
const secrets = [newWebhookSecret()];
const outcome = await sendWebhook(
  { policy, agents },
  { url, id: 'evt_1', body: '{}', secrets, now: new Date() },
);
agents.close();
process.stdout.write(JSON.stringify(outcome));
