-- How many deliveries a second a recovery makes due: found out from turn to turn.
ALTER TABLE recoveries ADD COLUMN pace real;
