// The `html` template and its type: text that is already escaped.
import { html } from 'hono/html';

export { html };

export type Html = ReturnType<typeof html>;
