import { testPart } from '../test-part.ts';
import { DELIVERY } from './delivery.ts';

testPart(DELIVERY, {
  seeds: 60,
  caught: {
    'no-fence-at-record': ['attempts are not in order', 'sent too early'],
    'sweeper-forgets': ['delivery is stuck'],
    'no-second-delivery': ['given up before its last attempt'],
    'sent-to-disabled': ['sent to an endpoint that takes no events'],
    'failure-counts-as-delivered': ['listed attempt ended otherwise'],
    'secret-kept': ['not signed with the secrets of its time'],
  },
});
