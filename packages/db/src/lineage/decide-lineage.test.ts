import { expect, test } from 'vitest';
import { decideLineage, type LineageState, NEARBY } from './decide-lineage.ts';

const HERE = '7000/00000001/16384';
const THERE = '7000/00000002/16384';
const row = (mark: number, rest: object = {}): LineageState['row'] => ({
  installation: 'i',
  cluster: HERE,
  mark,
  loaded: false,
  doubt: null,
  ...rest,
});

test.each([
  ['a new database', HERE, null, null, { decision: 'first' }],
  ['a backup from before the first start', HERE, null, 5, { decision: 'doubt', doubt: 'commits_lost' }],
  ['a restart', HERE, row(50), 50, { decision: 'go_on' }],
  ['a restart without a witness', HERE, row(50), null, { decision: 'go_on' }],
  ['a witness that is behind, on the same server', HERE, row(50 + NEARBY + 1), 50, { decision: 'go_on' }],
  ['a snapshot of the disk', HERE, row(49), 50, { decision: 'doubt', doubt: 'commits_lost' }],
  ['a failover that lost nothing', THERE, row(50), 50, { decision: 'adopt', from: HERE }],
  [
    'a failover, with marks that were not acknowledged',
    THERE,
    row(50 + NEARBY),
    50,
    { decision: 'adopt', from: HERE },
  ],
  [
    'a failover to a standby that lacked commits',
    THERE,
    row(49),
    50,
    { decision: 'doubt', doubt: 'commits_lost' },
  ],
  ['another server, and no witness', THERE, row(50), null, { decision: 'doubt', doubt: 'other_cluster' }],
  [
    'another server, and a witness that was restored too',
    THERE,
    row(51 + NEARBY),
    50,
    { decision: 'doubt', doubt: 'other_cluster' },
  ],
  [
    'a dump that was loaded into the same database',
    HERE,
    row(50, { loaded: true }),
    null,
    { decision: 'doubt', doubt: 'other_cluster' },
  ],
  ['the same, and it has everything', HERE, row(50, { loaded: true }), 50, { decision: 'adopt', from: HERE }],
  ['in doubt already', HERE, row(50, { doubt: 'other_cluster' }), 50, { decision: 'in_doubt' }],
] as const)('%s', (_, cluster, lineage, witness, decision) => {
  expect(decideLineage({ state: { cluster, row: lineage }, witness })).toEqual(decision);
});
