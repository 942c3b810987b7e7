// A mail as a list of paragraphs; one attempt to send it, and why it failed.

/** A row of what something costs. */
export interface MailSum {
  label: string;
  amount: string;
  isTotal?: boolean;
}

/**
 * Plain text, a link that its text describes, text beside a picture that adds nothing to it, a table of sums, or lines
 * below a title, such as an address.
 */
export type MailParagraph =
  | string
  | { link: string; text: string }
  | { imageUrl: string; text: string }
  | { sums: MailSum[] }
  | { title: string; lines: string[] };

export interface Mail {
  to: string;
  subject: string;
  paragraphs: MailParagraph[];
}

/** One attempt to send a mail: its inputs, and the error that says why it failed. */
export interface MailAttempt {
  /** The same for a repetition of the same mail: it makes file name and Message-ID. */
  id: string;
  /** Ends the attempt at once, whatever the mail server does. */
  signal?: AbortSignal;
  /**
   * Called when the server is ready for the text, which it may take from then on. Nobody else may try this mail for
   * so many seconds.
   * @throws where that cannot be had: the text is then not handed over
   */
  holdFor?: (seconds: number) => Promise<void>;
}

interface MailFailureFacts {
  /** The mail was refused for good, or cannot be sent as it is; otherwise another try is worth while. */
  isPermanent: boolean;
  /** The server was not reached: this says nothing of the mail. */
  isUnreachable?: boolean;
  cause?: unknown;
}

export class MailFailure extends Error {
  override readonly name = 'MailFailure';
  readonly isPermanent: boolean;
  readonly isUnreachable: boolean;

  constructor(message: string, { isPermanent, isUnreachable = false, cause }: MailFailureFacts) {
    super(message, { cause });
    this.isPermanent = isPermanent;
    this.isUnreachable = isUnreachable;
  }
}
