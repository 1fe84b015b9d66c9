import type { FastifyInstance } from 'fastify';
import { isOnFile } from '../patients/patient.ts';
import type { Practice } from '../practice.ts';
import type { PracticeChanges } from '../practice-changes.ts';

/** The size of the practice, and what happened there last. */
export function viewPractice({ practice, changes }: { practice: Practice; changes: PracticeChanges }) {
  return {
    patients: practice.patients.count({ keeps: isOnFile, alike: true }),
    locations: practice.locations.all().length,
    methods: practice.methods.all().length,
    changes: changes.recent(),
  };
}

export async function practiceRoutes(
  app: FastifyInstance,
  deps: { practice: Practice; changes: PracticeChanges },
): Promise<void> {
  app.get('/practice', async () => viewPractice(deps));
}
