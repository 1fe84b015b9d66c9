/** A fault of the fleet. Faults come one after the other, each when the one before has been repaired. */
export type FleetFault = {
  /** What is struck and how, for the report. */
  name: string;
  /** Strikes, waits as long as the fault lasts, and repairs. Resolves when the fleet is whole again. */
  strike(): Promise<void>;
  /** About how long that takes: a fault that would not fit into the rest of the run is not begun. */
  takesMs: number;
};
