// Every problem code with its status and meaning. The OpenAPI document lists them by operation.

interface CodeMeaning {
  status: number;
  /** A sentence for developers of clients. */
  meaning: string;
}

export const problemCodes = {
  'bad-request': {
    status: 400,
    meaning: 'The address, a parameter, a header or the JSON cannot be read; `faults` names which.',
  },
  'bad-cursor': {
    status: 400,
    meaning: 'The cursor was given by a list with another filter or sort, or by none.',
  },
  'wrong-signature': { status: 400, meaning: 'The body was not signed by the payment provider.' },
  'sign-in-needed': { status: 401, meaning: 'No session cookie came along.' },
  'session-ended': {
    status: 401,
    meaning:
      'The session was ended or is too old. The answer takes its cookie away: the next request is a guest’s.',
  },
  'unknown-key': { status: 401, meaning: 'There is no such API key, or it was revoked.' },
  'wrong-credentials': { status: 401, meaning: 'E-mail and password do not fit together.' },
  'cross-site': {
    status: 403,
    meaning: 'A browser sent this from another site: Origin or Sec-Fetch-Site says so.',
  },
  'missing-scope': {
    status: 403,
    meaning: 'The API key does not have the `scope` that this takes; without `scope` it is for people alone.',
  },
  'second-factor-needed': {
    status: 401,
    meaning:
      'The password is right, and the account has a second factor: send `code` as well, or show it anew by `POST /api/sessions/current/verification`.',
  },
  'wrong-code': { status: 403, meaning: 'The code is wrong, too old, or was used already.' },
  'second-factor-set-up': { status: 409, meaning: 'There is a second factor already.' },
  'password-needed': {
    status: 401,
    meaning:
      'The password was given too long ago for this: give it once more by `POST /api/sessions/current/verification`.',
  },
  'last-factor': { status: 409, meaning: 'It is the only second factor, and the shop requires one.' },
  'second-factor-missing': {
    status: 403,
    meaning: 'Staff of this shop need a second factor, and the account has none yet.',
  },
  'staff-only': { status: 403, meaning: 'The account is not one of the staff.' },
  'not-your-role': {
    status: 403,
    meaning: 'The account is one of the staff, but this is not its role’s work.',
  },
  'last-owner': { status: 409, meaning: 'The shop would have no owner left.' },
  'wrong-password': { status: 403, meaning: 'The present password is another one.' },
  'not-found': { status: 404, meaning: 'It does not exist, or it is somebody else’s.' },
  'method-not-allowed': { status: 405, meaning: '`Allow` names the methods of this address.' },
  'request-timeout': { status: 408, meaning: 'The request did not come whole in time.' },
  'cart-empty': { status: 409, meaning: 'There is nothing to order, or it was ordered a moment ago.' },
  'out-of-stock': {
    status: 409,
    meaning: 'Not that many pieces are left. Nothing was taken; `lines` says what is available.',
  },
  'price-changed': {
    status: 409,
    meaning: 'The order would cost something else than `expectedTotal`; `total` says what.',
  },
  'sale-overlaps': { status: 409, meaning: 'Another sale of this product is planned or runs at that time.' },
  'sale-over': { status: 409, meaning: 'The sale has ended, or was cancelled.' },
  'code-taken': { status: 409, meaning: 'There is a promotion with this code.' },
  'email-taken': { status: 409, meaning: 'There is an account with this e-mail.' },
  'order-cancelled': { status: 409, meaning: 'The order was cancelled.' },
  'not-paid': {
    status: 409,
    meaning: 'The order is not paid yet: nothing of it is shipped, and there is no invoice.',
  },
  'already-paid': { status: 409, meaning: 'Nothing is left to be paid.' },
  'seller-unknown': {
    status: 409,
    meaning:
      'The setting SELLER names no seller with a VAT number, without which there is no valid e-invoice.',
  },
  'not-at-the-door': { status: 409, meaning: 'The order is not one that is paid at the door.' },
  'already-shipped': {
    status: 409,
    meaning: 'Pieces have left the shop: it is too late to cancel. To staff: nothing is left to be shipped.',
  },
  'not-shipped': { status: 409, meaning: 'Nothing was shipped yet, so nothing can be sent back.' },
  'too-late': { status: 409, meaning: 'The days in which pieces can be sent back are over.' },
  'return-closed': { status: 409, meaning: 'The return was received or refused before.' },
  'events-gone': {
    status: 410,
    meaning:
      'Events behind `after` are no longer kept (30 days), or there was no such event in this shop. Read the present state, then go on without `after`.',
  },
  'precondition-failed': { status: 412, meaning: 'The product is no longer what If-Match names.' },
  'body-too-large': {
    status: 413,
    meaning: 'A request body has at most 65,536 bytes; with stock in bulk 524,288.',
  },
  'unsupported-media-type': {
    status: 415,
    meaning: 'The body needs `Content-Type: application/json`.',
  },
  'unsupported-content-encoding': {
    status: 415,
    meaning: 'The body is compressed; send it without Content-Encoding.',
  },
  'invalid-body': { status: 422, meaning: 'The body is not as described; `faults` points to each place.' },
  'idempotency-key-reused': {
    status: 422,
    meaning: 'The Idempotency-Key was used for a request with another method, path or body.',
  },
  'line-limit': { status: 422, meaning: 'A line holds at most 99 pieces.' },
  'cart-limit': { status: 422, meaning: 'The cart holds as many lines as it can.' },
  'cart-over-limit': { status: 422, meaning: 'The cart holds more than an order may; take some out.' },
  'unknown-provider': { status: 422, meaning: 'This shop is not paid that way; see checkout-options.' },
  'no-delivery-there': {
    status: 422,
    meaning:
      'No delivery method, or not the one that was chosen, goes to that country; `methods` names those that do.',
  },
  'promotion-refused': {
    status: 422,
    meaning:
      'The promotion code does not hold for this order. `reason` says why: `unknown-code`, `not-yet`, `ended`, `used-up`, `used-by-you`, `below-minimum` or `not-for-these`.',
  },
  'total-too-large': { status: 422, meaning: 'No order of that amount can be placed here.' },
  'total-too-small': { status: 422, meaning: 'No order of that little can be paid that way.' },
  'payment-too-large': { status: 422, meaning: 'More than is still to be paid.' },
  'refund-too-large': { status: 422, meaning: 'More than was paid and not yet paid back.' },
  'shipment-too-large': {
    status: 422,
    meaning: 'More pieces than are left to be shipped, or others; `lines` says what is left.',
  },
  'return-too-large': {
    status: 422,
    meaning: 'More pieces than were shipped and not yet returned, or others; `lines` says what is left.',
  },
  'restock-too-large': {
    status: 422,
    meaning: 'More pieces than are still out, or others; `lines` says what is left.',
  },
  'choose-size': { status: 422, meaning: 'A form named no size.' },
  'invalid-quantity': { status: 422, meaning: 'A form named no quantity of 1 to 99.' },
  'idempotency-key-required': {
    status: 428,
    meaning: 'An order needs an Idempotency-Key, so that it is placed once.',
  },
  'too-many-attempts': { status: 429, meaning: 'Wait as long as `Retry-After` says.' },
  'headers-too-large': { status: 431, meaning: 'The headers are longer than is accepted.' },
  internal: { status: 500, meaning: 'Our mistake. Nothing that was sent is at fault.' },
  unavailable: {
    status: 503,
    meaning: 'Not now. Trying again with the same Idempotency-Key is safe and does nothing twice.',
  },
  busy: { status: 503, meaning: 'Too much at once. Trying again after `Retry-After` is safe.' },
} as const satisfies Record<string, CodeMeaning>;

export type ProblemCode = keyof typeof problemCodes;
