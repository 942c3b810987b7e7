// Who has to be asked again later is not a job that failed.
import { expect, test } from 'vitest';
import { isOutage } from '../../worker/outage.ts';

const failing = (members: object) => Object.assign(new Error('as its library throws it'), members);

test.each([
  ['a mail server that was not reached', { code: 'ECONNECTION' }],
  ['a mail server that keeps a grey list', { code: 'EENVELOPE', responseCode: 451 }],
  ['a mail server that is closing', { code: 'EPROTOCOL', responseCode: 421 }],
  ['a Stripe that was not reached', { type: 'StripeConnectionError' }],
  ['a Stripe that failed by itself', { type: 'StripeAPIError' }],
])('%s is an outage', (_, members) => expect(isOutage(failing(members))).toBe(true));

test.each([
  ['a mailbox that does not exist', { code: 'EENVELOPE', responseCode: 550 }],
  ['a wrong password for the mail server', { code: 'EAUTH', responseCode: 535 }],
  ['a refund that Stripe refuses', { type: 'StripeInvalidRequestError' }],
  ['a bug', {}],
])('%s is none', (_, members) => expect(isOutage(failing(members))).toBe(false));
