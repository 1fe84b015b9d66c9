import { appendFileSync } from 'node:fs';
import { openReceiver } from './open-receiver.ts';

// The integrator's webhook receiver as a process of its own. A request is in its file before it is answered, so that its record
// survives a kill.

const { PORT = '0', RECEIVED_FILE = '', WEBHOOK_SECRET = '' } = process.env;
const receiver = await openReceiver({
  port: Number(PORT),
  secret: WEBHOOK_SECRET,
  record: (received) => appendFileSync(RECEIVED_FILE, `${JSON.stringify(received)}\n`),
});
process.once('SIGTERM', () => void receiver.close());
