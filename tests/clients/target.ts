import type { Command } from './commands.ts';

/** The places that a target gets: a new folder with the document in it, and one for tools that all targets share. */
export type Work = { folder: string; document: string; tools: string; baseUrl: string };

export type Build = {
  /** The program in `stories/`, and its name in the folder. */
  story: readonly [from: string, to: string];
  /** Further files, by name. */
  files?: Readonly<Record<string, string>>;
  /** Generate, then compile or check the types. */
  generate: readonly Command[];
  compile: readonly Command[];
  /** Runs the story. */
  start: Command;
};

/** A generator of clients with a language. */
export type Target = {
  name: string;
  /** Programs that must be on the PATH. */
  needs: readonly string[];
  /** How to get what is not found. */
  get: string;
  /** It has a program for the operator's journey too. */
  operator?: true;
  build(work: Work): Build;
};
