import { type Static, Type } from '@sinclair/typebox';
import { listOf, nullable, replyOf, timeOf } from './replies.ts';
import { TEXT_RULE_WORDS, textOf } from './text-rules.ts';

export const PATIENT_STATES = ['active', 'closed', 'ambiguous'] as const;
export const PATIENT_SOURCES = ['import', 'lookup', 'sync'] as const;

const mrnOf = (description: string) =>
  Type.String({
    minLength: 1,
    maxLength: 255,
    ...textOf('line'),
    description: `${description} ${TEXT_RULE_WORDS.line}`,
    examples: ['MRN-12345'],
  });

/** A patient as integrators see it: ids, and nothing else of the person. */
export const PatientSchema = Type.Object(
  {
    mrn: Type.String({ description: 'The Medical Record Number.', examples: ['MRN-12345'] }),
    emr_patient_id: nullable(
      Type.String({
        description: 'The id to which payments for the MRN are posted; null while there is none.',
        examples: ['pat-1001'],
      }),
    ),
    state: Type.Unsafe<(typeof PATIENT_STATES)[number]>({
      title: 'PatientState',
      type: 'string',
      enum: [...PATIENT_STATES],
      description:
        '`active`: payments are accepted when there is an id. `closed`: the EMR has closed the record. `ambiguous`: more than one record of the ' +
        'EMR has the MRN.',
    }),
    source: Type.Unsafe<(typeof PATIENT_SOURCES)[number]>({
      title: 'PatientSource',
      type: 'string',
      enum: [...PATIENT_SOURCES],
      description:
        'Where the id comes from. `import`: a file, or a request of yours. `lookup`: the EMR was asked for this one patient. `sync`: the ' +
        "EMR's list of patients.",
    }),
    synced_at: timeOf('When the id or the state was last written.'),
  },
  { $id: 'Patient', description: "An MRN and the EMR's own id of the patient." },
);
export type PatientView = Static<typeof PatientSchema>;

const PatientRef = Type.Unsafe<PatientView>({ $ref: 'Patient#' });

export const FindPatientsQuerySchema = Type.Object(
  { mrn: mrnOf('The MRN, compared exactly, case included; blanks at its ends do not count.') },
  { additionalProperties: false },
);

export const PatientListSchema = listOf('PatientList', PatientRef, 'The patient, or nobody');
export type PatientList = Static<typeof PatientListSchema>;

export const PatientReplySchema = replyOf('PatientReply', PatientRef, 'The patient');
export type PatientReply = Static<typeof PatientReplySchema>;

/** Body of `PUT /v1/patients/{mrn}`. */
export const PutPatientBodySchema = Type.Object(
  {
    emr_patient_id: Type.String({
      minLength: 1,
      maxLength: 255,
      ...textOf('line'),
      description: `The EMR's own id of the patient, in any form in which exports of this EMR name one. Money is posted to it. ${TEXT_RULE_WORDS.line}`,
      examples: ['pat-1001'],
    }),
  },
  { $id: 'PutPatient', additionalProperties: false, description: 'The EMR patient id of an MRN.' },
);
export type PutPatientBody = Static<typeof PutPatientBodySchema>;

/** Query of `POST /v1/patients:import`. */
export const ImportPatientsQuerySchema = Type.Object(
  {
    dry_run: Type.Optional(
      Type.Boolean({ description: 'true: say what would be written, and write nothing.' }),
    ),
    allow_changes: Type.Optional(
      Type.Boolean({ description: 'true: also write rows that replace a stored EMR patient id.' }),
    ),
  },
  { additionalProperties: false },
);

/** Entries of each list of a report; the counts beside it count all. */
const LISTED = 'Up to a thousand are listed.';
const count = (description: string) => Type.Integer({ minimum: 0, description });
const line = Type.Integer({ minimum: 1, description: 'The line of the file in which the row begins.' });

export const PatientImportReplySchema = replyOf(
  'PatientImportReply',
  Type.Object(
    {
      dry_run: Type.Boolean({ description: 'true: nothing was written.' }),
      added: count('MRNs that got their first EMR patient id.'),
      changed: count('MRNs whose stored id was replaced; only with `allow_changes`.'),
      unchanged: count('MRNs that had this id already.'),
      repeated: count('Rows that say the same as an earlier one.'),
      left_out: count('Rows that are refused: see `bad_rows`.'),
      held_back: count('MRNs that keep their stored id, because changes are not allowed: see `changes`.'),
      bad_rows: Type.Array(
        Type.Object(
          { line, problem: Type.String({ description: 'Why. The text of the row is not repeated.' }) },
          { title: 'BadPatientRow', description: 'A row that is refused.' },
        ),
        { description: LISTED },
      ),
      changes: Type.Array(
        Type.Object(
          {
            line,
            mrn: Type.String({ description: 'The MRN.' }),
            stored: Type.String({ description: 'The EMR patient id that was stored.' }),
            given: Type.String({ description: 'The one in the file.' }),
          },
          { title: 'PatientChange', description: 'A row whose EMR patient id is not the stored one.' },
        ),
        { description: `Rows that replaced a stored id, or were held back. ${LISTED}` },
      ),
      shared_ids: Type.Object(
        {
          count: count('EMR patient ids that more than one MRN of the file has, as after a merge of charts.'),
          lines: Type.Array(line, { description: `Where the first of them begin. ${LISTED}` }),
        },
        { title: 'SharedPatientIds', description: 'A note, no refusal: these rows are imported.' },
      ),
    },
    { title: 'PatientImport', description: 'What became of the rows of a file.' },
  ),
  'What became of the rows of the file',
);
export type PatientImportReply = Static<typeof PatientImportReplySchema>;
