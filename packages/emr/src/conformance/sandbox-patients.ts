import { randomBytes } from 'node:crypto';
import type { ListedPatient } from '../patients.ts';
import type { PatientList, PatientSearch } from './under-test.ts';

/** A patient as the sandbox's control API shows them. `number` is the id in dialects with whole numbers. */
export type SandboxPatient = { id: string; number: number; mrn: string | null };

/** Enough for more than one page of every dialect that gives at most 100 rows. */
const MADE = 250;
/** Patients of the seed with an MRN of their own. */
const SEEDED = [
  { id: 'pat-1001', number: 1, mrn: 'MRN-12345' },
  { id: 'pat-1002', number: 2, mrn: 'MRN-12346' },
] as const satisfies SandboxPatient[];
/** MRNs that none of the sandbox's patients has, and that a careless search takes for one of the seed's. */
const NOBODYS = [
  { name: 'an MRN that nobody has', mrn: 'MRN-12345-9' },
  { name: 'the beginning of an MRN', mrn: 'MRN-1234' },
  { name: 'an MRN in another case', mrn: 'mrn-12345' },
] as const satisfies PatientSearch['nobody'];
const NAMES = { given: 'Zuleika-Mark', family: 'Example-Mark', birth_date: '1976-05-24' };
/** Family names of the sandbox's made patients. */
const MADE_NAMES = ['Madeup', 'Invented', 'Fictive', 'Imagined', 'Pretend'];

type Input = {
  /** The sandbox's own base URL, without a dialect's path. It is there once the sandbox has started. */
  baseUrl: () => string;
  /** The id of a patient in the dialect. */
  idOf(patient: Pick<SandboxPatient, 'id' | 'number'>): string;
  /** The number of a patient that is the MRN in the dialect. Absent: the sandbox's own. */
  mrnOf?(patient: SandboxPatient): string | null;
};

/** An MRN that no other patient has, short enough for every dialect. */
const newMrn = (): string => `X${randomBytes(5).toString('hex').toUpperCase()}`;

/** Changes the patients of a running sandbox over its control API, and says how a dialect shows them. */
export function sandboxPatients({ baseUrl, idOf, mrnOf = ({ mrn }) => mrn }: Input) {
  async function call(method: string, path: string, body?: object): Promise<SandboxPatient> {
    const answer = await fetch(`${baseUrl()}/sandbox/${path}`, {
      method,
      ...(body === undefined
        ? {}
        : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
    if (!answer.ok) throw new Error(`${method} /sandbox/${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as SandboxPatient;
  }
  const add = (mrn: string = newMrn()) => call('POST', 'patients', { mrn, ...NAMES });
  const change = ({ id }: SandboxPatient, body: object) => call('PUT', `patients/${id}`, body);
  const shown = (patient: SandboxPatient) => ({ mrn: mrnOf(patient), emrPatientId: idOf(patient) });

  const known = (patient: SandboxPatient) => ({ ...shown(patient), mrn: mrnOf(patient) ?? '' });

  async function merge() {
    const [gone, survivor] = [await add(), await add()];
    await call('POST', `patients/${gone.id}/merge`, { into: survivor.id });
    return { gone, survivor };
  }

  return {
    /** A search by the sandbox's own MRNs; `merged` where the EMR says into which record one was merged. */
    search(input: { closedAs: string; merges: boolean }): Omit<PatientSearch, 'unclear'> {
      return {
        one: [known(SEEDED[0]), known(SEEDED[1])],
        nobody: NOBODYS,
        async shared() {
          const mrn = newMrn();
          for (const each of [mrn, mrn]) await add(each);
          return mrn;
        },
        async closed() {
          const patient = await change(await add(), { status: input.closedAs });
          return mrnOf(patient) ?? '';
        },
        ...(input.merges
          ? {
              async merged() {
                const { gone, survivor } = await merge();
                return { mrn: mrnOf(gone) ?? '', emrPatientId: idOf(survivor) };
              },
            }
          : {}),
        async leaving() {
          const [patient, other] = [await add(), await add()];
          const leave = async () =>
            void (await call('POST', `patients/${patient.id}/merge`, { into: other.id }));
          return { emrPatientId: idOf(patient), leave };
        },
      };
    },
    /**
     * The list of a sandbox with the patients of its seed and of its `made-patients`.
     *
     * @param input.merges `named`: the EMR shows what was merged and into what; `shown`: that something was; `hidden`: nothing of it.
     */
    list(input: {
      changes: boolean;
      closedAs: string;
      merges: 'named' | 'shown' | 'hidden';
      made?: number;
    }): Omit<PatientList, 'unclear' | 'unreadable'> {
      const { changes, closedAs, merges, made: count = MADE } = input;
      const row = (patient: SandboxPatient): ListedPatient => ({ ...shown(patient), state: 'active' });
      const made = Array.from({ length: count }, (_, place) =>
        row({
          id: `made-${place + 1}`,
          number: 1_000_001 + place,
          mrn: `MADE-${String(place + 1).padStart(6, '0')}`,
        }),
      );
      const seeded = SEEDED.map(row);
      return {
        steady: [...seeded, ...made],
        fill: async () => void (await call('PUT', 'made-patients', { count })),
        changes,
        // Those of the seed are older than any watermark; the made ones are made when the list is filled.
        untouched: changes ? seeded.map(({ emrPatientId }) => emrPatientId) : [],
        async changed() {
          return row(await change(await add(), { mrn: newMrn() }));
        },
        async closed() {
          return { ...shown(await change(await add(), { status: closedAs })), state: 'closed' };
        },
        ...(merges === 'hidden'
          ? {}
          : {
              async merged(): Promise<ListedPatient> {
                const { gone, survivor } = await merge();
                const into = merges === 'named' ? idOf(survivor) : null;
                return { ...shown(gone), state: 'merged', into };
              },
            }),
        marks: [...Object.values(NAMES), ...MADE_NAMES],
      };
    },
  };
}
