-- A new value of an enum cannot be used in the transaction that adds it: the next migration uses these.
-- https://www.postgresql.org/docs/current/sql-altertype.html
ALTER TYPE "job_kind" ADD VALUE IF NOT EXISTS 'sync_connection';
ALTER TYPE "lane_kind" ADD VALUE IF NOT EXISTS 'sync';
