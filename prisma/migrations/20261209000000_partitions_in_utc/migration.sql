-- make_partition adds days in UTC, whatever the time zone of the session that calls it. In one with daylight saving time a day can have 23 hours:
-- partitions of a day began twice on one day in UTC, by which they are named, so that no further one was made; wider ones began an hour early.
ALTER FUNCTION "make_partition"(text, int, int) SET timezone = 'UTC';
