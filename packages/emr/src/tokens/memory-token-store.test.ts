import { test } from 'vitest';
import { memoryTokenStore } from './memory-token-store.ts';
import { tokenStoreRules } from './testing/token-store-rules.ts';

test.each(tokenStoreRules)('in memory: $name', ({ run }) => run(memoryTokenStore()));
