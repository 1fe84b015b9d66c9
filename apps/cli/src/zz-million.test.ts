import { spawnSync } from 'node:child_process';
import { createClient, createUser } from '@emr-payments/db';
import { expect, test } from 'vitest';
import { openOperator } from './testing/operator.ts';
test('million', { timeout: 600_000 }, async () => {
  const op = await openOperator();
  const { clientPk } = await createClient(op, { name: 'x' });
  const u = await createUser(op, { clientPk, name: 'x' });
  const t = Date.now();
  const r = spawnSync('sh', ['-c', `${process.execPath} -e 'process.stdout.write("mrn,emr_patient_id\\n");for(let i=0;i<2e6;i++)process.stdout.write("MRN-"+i+",pat-"+i+"\\n")' > /tmp/zz2m.csv; NODE_OPTIONS=--max-old-space-size=72 ${process.execPath} ${new URL('./main.ts', import.meta.url).pathname} patients import /tmp/zz2m.csv --user ${u.publicId}; rm /tmp/zz2m.csv`], { env: { ...op.env, PATH: process.env.PATH }, encoding: 'utf8' });
  process.stderr.write(`${Date.now() - t} ms ${r.status} ${r.stdout} ${r.stderr.slice(-300)}\n`);
  expect(await op.database.prisma.patient.count()).toBe(2e6);
  await op.close();
});
