import { buildApps } from './build/build-apps.ts';

await buildApps();
