import { testPart } from '../test-part.ts';
import { POSTING } from './posting.ts';

const TWICE = 'two entries for one payment';

testPart(POSTING, {
  seeds: 100,
  // Those that the schedules meet often. The directed schedules of tests/crash/proofs catch every one.
  caught: {
    'skip-look-up': [TWICE, 'failed payment is in the EMR'],
    'send-again-unasked': [TWICE, 'failed payment is in the EMR'],
    'another-key': ['posted payment is not in the EMR', 'needs a review although its EMR can be asked'],
    'no-sent-at': ['request without an attempt', TWICE],
    'no-fence-at-begin': ['request without an attempt', TWICE],
    'no-round': ['state transition is not allowed', 'event has another sequence'],
    'no-outbox': ['payment is stuck'],
  },
});
