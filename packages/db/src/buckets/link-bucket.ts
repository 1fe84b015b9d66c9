import { query, type StatementDeps } from '../core/statements.ts';
import { type Bucket, ensureBucket } from './bucket.ts';

const LINK = {
  name: 'link-rate-bucket',
  text: `
    UPDATE lanes SET bucket_id = $3 FROM connections c
     WHERE c.user_id = $1 AND c.updated_at = $2::timestamptz AND lanes.id = c.lane_id AND lanes.bucket_id IS DISTINCT FROM $3`,
};

/**
 * Gives the lane of a connection the bucket that its adapter names, when it has another or none: it was saved before the adapter
 * named one, or by a version in which it named another.
 *
 * @param input.version of the connection that was opened: one that was changed since keeps what it was saved with.
 */
export async function linkBucket(
  deps: StatementDeps,
  { userId, version, bucket }: { userId: number; version: string; bucket: Bucket | null },
): Promise<void> {
  const bucketId = bucket === null ? null : await ensureBucket(deps, bucket);
  await query(deps, LINK, [userId, version, bucketId]);
}
