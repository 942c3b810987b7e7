// Who has to be asked again later is not a job that failed.
import { expect, test } from 'vitest';
import { isOutage } from '../../worker/outage.ts';

const failing = (members: object) => Object.assign(new Error('as its library throws it'), members);

test.each([
  ['a Stripe that was not reached', { type: 'StripeConnectionError' }],
  ['a Stripe that failed by itself', { type: 'StripeAPIError' }],
])('%s is an outage', (_, members) => expect(isOutage(failing(members))).toBe(true));

test.each([
  ['a refund that Stripe refuses', { type: 'StripeInvalidRequestError' }],
  ['a bug', {}],
])('%s is none', (_, members) => expect(isOutage(failing(members))).toBe(false));
