/** The file as a whole cannot be used: nothing of it is written. The message says where and what to do, and quotes no row. */
export class PatientsFileError extends Error {
  override name = 'PatientsFileError';
}
