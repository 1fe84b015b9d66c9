-- The transaction that wrote the row, as the service knows it. PostgreSQL keeps the same number in xmin, unless something else wrote the row: the
-- tables were loaded from a dump, perhaps into the same database of the same server, where cluster_identity() stays the same.
ALTER TABLE "lineage" ADD COLUMN "writer" TEXT;
