import {
  FindPatientsQuerySchema,
  ImportPatientsQuerySchema,
  PatientImportReplySchema,
  PatientListSchema,
  PatientReplySchema,
  PutPatientBodySchema,
} from '@emr-payments/contracts';
import { Type } from '@sinclair/typebox';
import { componentRef } from '../openapi/component-ref.ts';
import {
  ANSWER_HEADERS,
  BODY_ERRORS,
  errorResponses,
  USER_ERRORS,
  USER_SECURITY,
} from '../openapi/error-responses.ts';

const common = { tags: ['Patients'], security: USER_SECURITY };

export const findPatientsOperation = {
  ...common,
  operationId: 'findPatients',
  summary: 'Find a patient by MRN',
  description:
    'The patient with an MRN, as this service knows it: a list with one entry, or with none. The EMR is not asked; a payment for an unknown MRN does that.',
  querystring: FindPatientsQuerySchema,
  response: {
    200: {
      ...componentRef(PatientListSchema),
      description: 'The patient, or nobody',
      headers: ANSWER_HEADERS,
    },
    ...errorResponses(USER_ERRORS),
  },
};

export const putPatientOperation = {
  ...common,
  operationId: 'putPatient',
  summary: 'Store the EMR patient id of an MRN',
  description: [
    'Stores the EMR patient id of an MRN, for an EMR that cannot be searched or a patient whom it does not find. A stored id is replaced: the ' +
      'next payment goes to the new one. The same request can be sent any number of times.',
    'The MRN is percent-encoded in the path: `A/7` is `A%2F7`. An MRN without a letter or a digit, such as `..`, is refused, as it is in a file.',
  ].join('\n\n'),
  params: Type.Object({
    mrn: Type.String({
      description: 'The MRN, percent-encoded.',
      minLength: 1,
      maxLength: 255,
      examples: ['MRN-12345'],
    }),
  }),
  body: componentRef(PutPatientBodySchema),
  response: {
    200: {
      ...componentRef(PatientReplySchema),
      description: 'The patient as stored',
      headers: ANSWER_HEADERS,
    },
    ...errorResponses([...USER_ERRORS, ...BODY_ERRORS, 'connection_unusable']),
  },
};

/** The media type of a file of patients. */
export const CSV = 'text/csv';

export const importPatientsOperation = {
  ...common,
  operationId: 'importPatients',
  summary: 'Import patients from a file',
  description: [
    'Imports a CSV file (RFC 4180) whose first line names the columns `mrn` and `emr_patient_id`, in UTF-8, or in UTF-16 with a byte order ' +
      'mark; at most 16 MiB and 200,000 rows. Further columns are ignored. All rows that are certain are written, in one transaction; every other ' +
      'one is refused by its line: a damaged id, an MRN with two ids, and, without `allow_changes`, a row that would replace a stored id. A file ' +
      'whose quotation marks do not match is refused as a whole.',
    'The same file can be sent any number of times. One import of a client runs at a time; a further one waits for 5 seconds at most. The file has to arrive within 15 seconds.',
  ].join('\n\n'),
  consumes: [CSV],
  querystring: ImportPatientsQuerySchema,
  body: {
    content: {
      [CSV]: {
        schema: {
          type: 'string',
          description: 'The file.',
          examples: ['mrn,emr_patient_id\nMRN-12345,pat-1001\n'],
        },
      },
    },
  },
  response: {
    200: {
      ...componentRef(PatientImportReplySchema),
      description: 'What became of the rows',
      headers: ANSWER_HEADERS,
    },
    ...errorResponses([
      ...USER_ERRORS,
      'missing_body',
      'payload_too_large',
      'unsupported_media_type',
      'patients_file_unusable',
      'import_in_progress',
      'connection_unusable',
    ]),
  },
};
