import { startLoad } from '../crash/load.ts';

// The clients of the fleet, in a process of their own: tests/fleet/load-process.ts starts it. The first message is the input of
// `startLoad`, the second one ends the load, and is answered with what was requested.

process.once('message', (input: Parameters<typeof startLoad>[0]) => {
  const load = startLoad(input);
  process.once('message', async () => {
    await load.end();
    process.send?.(load.requested, () => process.disconnect());
  });
});
process.once('disconnect', () => process.exit());
