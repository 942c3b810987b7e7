// Problem documents (RFC 9457), by which edge and origin tell programs why a request was refused.

export interface Problem {
  type: 'about:blank';
  title: string;
  status: number;
  /** Stable, such as `not-found`. */
  code: string;
  detail: string;
  [extra: string]: unknown;
}

export const problemContentType = 'application/problem+json';

/** @param told what this problem is; extra members stand after the usual ones. */
export function makeProblem(
  told: { title: string; status: number; code: string; detail: string } & Record<string, unknown>,
): Problem {
  return { type: 'about:blank', ...told };
}
