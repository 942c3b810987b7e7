// Finds answers of earlier calls by client and command, for any input; failed calls are left out.
import type { CallOutcome } from '../snapshot.ts';
import type { AnswerOf, ClientName, CommandOf } from '../snapshot-calls.ts';

export class CollectedAnswers {
  readonly #calls: Record<string, CallOutcome>;

  constructor(calls: Record<string, CallOutcome>) {
    this.#calls = calls;
  }

  /** All successful answers of a command, one an input. */
  of<C extends ClientName, N extends CommandOf<C>>(client: C, command: N): Partial<AnswerOf<C, N>>[] {
    const name = `${client}.${command}`;
    return Object.entries(this.#calls).flatMap(([key, outcome]) =>
      outcome.ok && (key === name || key.startsWith(`${name}(`))
        ? [outcome.result as Partial<AnswerOf<C, N>>]
        : [],
    );
  }
}
