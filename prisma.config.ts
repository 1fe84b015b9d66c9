import { defineConfig } from 'prisma/config';

// The client is generated from the schema alone; migrations run through packages/db/src/migrations/migrate.ts.
export default defineConfig({ schema: 'prisma/schema.prisma', migrations: { path: 'prisma/migrations' } });
