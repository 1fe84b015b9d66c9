import { DELIVERY } from './delivery/delivery.ts';
import { POSTING } from './posting/posting.ts';

/** The parts of the service that schedules are played of. */
export const PARTS = { posting: POSTING, delivery: DELIVERY } as const;
export const PART_NAMES = ['posting', 'delivery'] as const;
