// A place in a file that was checked, for reports that lead there.

export interface SourcePlace {
  /** As it was given on the command line. */
  file: string;
  /** From 1. */
  line: number;
}

/** Where the part of a finding is declared; undefined where no file declares it. */
export type Locate = (resource: string) => SourcePlace | undefined;
