import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../../prisma/', import.meta.url));

/** Paths of schema.prisma and of the folder of migrations. */
export const prismaFiles = { schema: `${root}schema.prisma`, migrations: `${root}migrations` };
