// Refuses an unreadable request like any other: a problem document with the usual headers.

import { statusOfUnreadable } from '../../../http/problem-document.ts';
import type { Settings } from '../../config.ts';
import { Refusal } from '../../errors.ts';
import { problemResponse, toRefusal } from '../problem.ts';
import { createFinishResponse } from '../response-headers.ts';

/**
 * @param error of what was to read the request: Node's parser, or the adapter that makes a web-standard request of
 * it
 */
export type RefuseUnreadable = (error: unknown) => Response;

export function createRefuseUnreadable(
  settings: Pick<Settings, 'zone' | 'instance' | 'siteUrl'>,
): RefuseUnreadable {
  const finish = createFinishResponse(settings);
  return (error) => {
    const response = problemResponse(refusalFor(error));
    finish(response, performance.now());
    return response;
  };
}

function refusalFor(error: unknown): Refusal {
  const { name, code = '' } = error as { name?: string; code?: string };
  const status = statusOfUnreadable({ code });
  if (status === 431)
    return new Refusal(431, 'headers-too-large', 'The headers of this request are longer than we accept');
  if (status === 408) return new Refusal(408, 'request-timeout', 'This request did not come whole in time');
  if (name === 'RequestError' || code.startsWith('HPE_'))
    return new Refusal(
      400,
      'bad-request',
      'This request cannot be read: its address, Host or form is malformed',
    );
  return toRefusal(error);
}
