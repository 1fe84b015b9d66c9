/** A POST of each job. `ID_OF_JOB` in a header or the body becomes 32 hex digits of the job. */
export type FloorPost = { url: string; headers: Record<string, string>; body: string };

/** The posts of each job, in their order. A webhook is signed once for a run, and so not by its job. */
export type FloorPosts = {
  before: readonly FloorPost[];
  webhook: { url: string; body: string; secret: string };
};

export const ID_OF_JOB = 'ID_OF_JOB';
