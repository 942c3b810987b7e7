// Decides the successor of a lost primary. Promotes only a server that certainly has every acknowledged write.

export interface LossOfPrimary {
  /** Does the successor answer right now? */
  successorAnswers: boolean;
  /** Did it confirm every acknowledged write up to the moment when the primary fell silent? */
  successorInSync: boolean;
}

/** `restart`: the old primary is started again on its own data; slower, but nothing is lost. */
export function decideFailover({ successorAnswers, successorInSync }: LossOfPrimary): 'promote' | 'restart' {
  return successorAnswers && successorInSync ? 'promote' : 'restart';
}
