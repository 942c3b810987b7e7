// The type of what `html` templates make: text that is already escaped.
import { html } from 'hono/html';

export { html };

export type Html = ReturnType<typeof html>;
