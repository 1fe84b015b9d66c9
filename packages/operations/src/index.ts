export * from './connections/check-connection.ts';
export * from './doctor/diagnose.ts';
export type { Check } from './doctor/finding.ts';
export { type ImportReport, importFile } from './patients/import-file.ts';
export { isLine } from './patients/line.ts';
export { type BadRow, PatientsFileError } from './patients/read-rows.ts';
