-- The adapter `fhir` is called `fhir-r5`. `updated_at` stays as it is, so a process that has opened a connection under the
-- former name keeps using it. A worker of the former version that opens one only after this migration does not know the new
-- name and fails its payments as connection_misconfigured: stop such workers before migrating.
UPDATE connections SET adapter = 'fhir-r5' WHERE adapter = 'fhir';
