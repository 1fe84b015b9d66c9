-- White space and invisible characters at the ends of an MRN no longer count (normalMrn in packages/contracts): imports and
-- requests are trimmed alike, so a row that still has them would never be found.
--
-- A row is trimmed only where no other row of its user has, or would get, the same MRN: two rows that become equal may be two
-- patients, and nothing here can know. Those stay as they are. A request finds the row without white space, if there is
-- one and the others have its EMR patient id. Where they have another, that row loses its id, so that a request finds no patient
-- until an import decides: a request with white space has posted to the other patient so far. The numbers are in the audit log,
-- for each user.
WITH trimmed AS (
  SELECT user_id, mrn, emr_patient_id,
         regexp_replace(mrn COLLATE "C", '^[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]+|[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]+$', '', 'g') AS normal
    FROM patients
), changing AS MATERIALIZED (
  SELECT user_id, mrn, normal, emr_patient_id, count(*) OVER (PARTITION BY user_id, normal) AS alike FROM trimmed WHERE mrn <> normal
), decided AS MATERIALIZED (
  SELECT c.*, c.normal <> '' AND c.alike = 1
              AND NOT EXISTS (SELECT FROM patients p WHERE p.user_id = c.user_id AND p.mrn = c.normal) AS is_alone
    FROM changing c
), written AS (
  UPDATE patients p SET mrn = d.normal FROM decided d WHERE p.user_id = d.user_id AND p.mrn = d.mrn AND d.is_alone
), closed AS (
  UPDATE patients p SET emr_patient_id = NULL
   WHERE EXISTS (SELECT FROM decided d WHERE d.user_id = p.user_id AND d.normal = p.mrn AND NOT d.is_alone
                                         AND d.emr_patient_id <> p.emr_patient_id)
  RETURNING p.user_id
)
INSERT INTO audit_log (actor, source, action, subject, outcome, detail)
SELECT 'system', 'migration', 'patients.trim_mrn', 'patients:' || u.public_id,
       CASE WHEN bool_and(d.is_alone) THEN 'done' ELSE 'refused' END,
       jsonb_build_object('trimmed', count(*) FILTER (WHERE d.is_alone), 'left', count(*) FILTER (WHERE NOT d.is_alone),
                          'closed', (SELECT count(*) FROM closed WHERE closed.user_id = u.id))
  FROM decided d JOIN users u ON u.id = d.user_id
 GROUP BY u.id, u.public_id;
