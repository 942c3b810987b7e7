// One try at sending a mail: what it is given, and why it may come to nothing.

export interface MailAttempt {
  /** The same for a repetition of the same mail: it makes file name and Message-ID. */
  id: string;
  /** Ends the attempt at once, whatever the mail server does. */
  signal?: AbortSignal;
  /**
   * Called when the server is ready for the text, which it may take from then on. Nobody else may try this mail for so many seconds.
   * @throws where that cannot be had: the text is then not handed over
   */
  holdFor?: (seconds: number) => Promise<void>;
}

/** Worth another try unless `isPermanent`: then the mail was refused for good, or cannot be sent as it is. */
export class MailFailure extends Error {
  override readonly name = 'MailFailure';
  readonly isPermanent: boolean;

  constructor(message: string, { isPermanent, cause }: { isPermanent: boolean; cause?: unknown }) {
    super(message, { cause });
    this.isPermanent = isPermanent;
  }
}
