// The guide of the API: its rules, and the steps of an order.

interface Chapter {
  heading: string;
  /** CommonMark, of which only `code` is used. */
  paragraphs: string[];
}

export const guide: Chapter[] = [
  {
    heading: 'Values',
    paragraphs: [
      'Money is `{ "amount": 1999, "currency": "EUR" }` in minor units, a whole number. Ids are strings. Times are ISO 8601 in UTC.',
      'A body is JSON in UTF-8 with `Content-Type: application/json`, uncompressed, of at most 65,536 bytes, for stock in bulk 524,288. Members that are not described are refused.',
      'Query parameters that are not described are passed over.',
    ],
  },
  {
    heading: 'Answers may grow',
    paragraphs: [
      'Members, values of enumerations, codes of problems and headers may be added at any time. Pass over what you do not know, and treat an unknown value as you would treat “something else”. What is described here stays.',
    ],
  },
  {
    heading: 'Who you are',
    paragraphs: [
      'Guests and accounts are known by cookies. Keep every `Set-Cookie` as it is and send it back; prices and stock never come from you.',
      'Where a session that you send has ended, personal operations answer `401` `session-ended` and take its cookie away: sign in again, or go on as a guest. Where none was sent, `401` is `sign-in-needed`.',
    ],
  },
  {
    heading: 'Writing once',
    paragraphs: [
      'Send an `Idempotency-Key` with every write: 1 to 200 visible ASCII characters without spaces, best a new UUID for each thing to be done. The same key with the same request again has the same result and no second effect, for 7 days. With another method, path or body it is `422` `idempotency-key-reused`.',
      'After a timeout, a broken connection or a `503` send the same request with the same key. An order without a key is `428`.',
    ],
  },
  {
    heading: 'Other systems',
    paragraphs: [
      'A program works for the shop with an API key: `Authorization: Bearer mck_…`, made by the staff for some scopes and revoked at once. Each operation of the staff names its scope; a key without it gets `403` `missing-scope`, one that is unknown or revoked `401` `unknown-key`.',
      '`GET /api/staff/events` tells what happened in the order of the commits: ask again with `after` set to `next`. What is older than 30 days is `410` `events-gone`.',
      'Pages of every site may read products and categories; those of origins that the shop names may use a key.',
    ],
  },
  {
    heading: 'Problems',
    paragraphs: [
      'Everything that goes wrong is `application/problem+json` (RFC 9457). Tell cases apart by `code`, which is stable; `detail` is for people. In `faults`, `pointer` is a JSON pointer into the body you sent.',
      'Besides the codes that stand with an operation, any address may answer `404` `not-found`, `405` `method-not-allowed` with `Allow`, `408`, `431`, and `503` with `Retry-After`.',
    ],
  },
  {
    heading: 'Caching',
    paragraphs: [
      'Catalog answers bear an `ETag`: send it as `If-None-Match`, and `304` says that what you have is right. Everything personal is `Cache-Control: private, no-store`.',
      'Staff send the same `ETag` as `If-Match` with a change, so that nobody overwrites what they have not seen.',
    ],
  },
];

interface Step {
  says: string;
  command: string;
}

/** Each command runs in a shell after its `…` is filled in. `cookies.txt` stands for a browser's cookies. */
export const orderSteps: Step[] = [
  { says: 'Where the shop is.', command: 'SHOP=http://localhost:3000' },
  {
    says: 'Find something. `slug` names the product.',
    command: `curl -s "$SHOP/api/products?limit=3"`,
  },
  {
    says: 'Look at its variants: one is a size in a colour. Take the `id` of one that is `available`.',
    command: `SLUG=… # of what you found
curl -s "$SHOP/api/products/$SLUG"`,
  },
  {
    says: 'Add two pieces. The answer is the cart, and its cookie is yours from now on.',
    command: `VARIANT=… # the id that you took
curl -s -c cookies.txt -b cookies.txt "$SHOP/api/cart/lines" \\
  -H "Content-Type: application/json" -H "Idempotency-Key: add-$(date +%s)-$$" \\
  -d '{ "variantId": "'$VARIANT'", "quantity": 2 }'`,
  },
  {
    says: 'See how the shop can be paid, and which countries it sends to.',
    command: `curl -s "$SHOP/api/checkout-options"`,
  },
  {
    says: 'Order. `expectedTotal` is the `total` of the cart that the buyer saw; keep the key until you have an answer.',
    command: `PROVIDER=… AMOUNT=… # one of \`providers\`, and the cart’s \`total.amount\`
KEY="order-$(date +%s)-$$"
curl -s -c cookies.txt -b cookies.txt "$SHOP/api/orders" \\
  -H "Content-Type: application/json" -H "Idempotency-Key: $KEY" \\
  -d '{
    "email": "ada@example.com",
    "shippingAddress": {
      "name": "Ada Byron", "line1": "1 Long Lane",
      "city": "Dublin", "postalCode": "D01 F5P2", "country": "IE"
    },
    "payment": { "provider": "'$PROVIDER'" },
    "expectedTotal": { "amount": '$AMOUNT', "currency": "EUR" }
  }'`,
  },
  {
    says: 'Where `payment.redirectUrl` is there, send the buyer to it. Then ask what became of it.',
    command: `ORDER=… # its id
curl -s -b cookies.txt "$SHOP/api/orders/$ORDER"`,
  },
];
