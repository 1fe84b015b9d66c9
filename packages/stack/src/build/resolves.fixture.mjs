export const where = import.meta.resolve('pg');
