import { TIMING } from '../timing.ts';
import { drawBySeed } from './draw.ts';
import { openLedger } from './ledger.ts';
import { openForeignEmr } from './server.ts';

// The foreign EMR as a process of its own. It may be killed: its ledger is a file.

const { PORT = '0', LEDGER_FILE = '', SEED = '0' } = process.env;
const server = await openForeignEmr(
  { ledger: openLedger(LEDGER_FILE), chooser: drawBySeed(Number(SEED)) },
  { port: Number(PORT), timeoutMs: TIMING.emrTimeoutMs },
);
process.once('SIGTERM', () => void server.close());
