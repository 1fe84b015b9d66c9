import type { ListingServer } from '../../fhir/list-patients.ts';
import type { CanvasConnection } from './settings.ts';

/** "A maximum page size (`_count`) […] is at 100 at the time of writing" (https://docs.canvasmedical.com/api/pagination). */
const LARGEST_PAGE = 100;

/** Reads a link of the form `/Patient?…`, which is relative to the base URL: that of an instance has no path of its own. */
function pathBelow(url: string): string | null {
  const [, path = null] = /^\/(Patient\?.*)$/s.exec(url) ?? [];
  return path;
}

/**
 * Canvas's patients: searched by `identifier` with a system, and listed whole, because the page of Patient names no `_lastUpdated` and sorts by
 * `_id`, not by time (https://docs.canvasmedical.com/api/patient). It shows inactive patients, and nothing of a merge.
 */
export const patientsOf = ({ session, secrets, settings }: CanvasConnection): ListingServer => ({
  session,
  secrets,
  mrnSystem: settings.patient_identifier_system,
  largestPage: LARGEST_PAGE,
  changes: false,
  pathOfNext: pathBelow,
});
