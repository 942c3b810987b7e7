// Renders the pages that document the API from the OpenAPI document: its operations and its schemas.
import { html } from 'hono/html';
import { assetUrl } from '../assets.ts';
import { guide, orderSteps } from './guide.ts';

type Html = ReturnType<typeof html>;

interface Schema {
  $ref?: string;
  type?: string | string[];
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  enum?: unknown[];
  description?: string;
  anyOf?: Schema[];
  allOf?: Schema[];
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  default?: unknown;
  example?: unknown;
  examples?: unknown[];
}
interface Media {
  schema?: Schema;
  example?: unknown;
}
interface Content {
  content?: Record<string, Media>;
}
interface Parameter {
  name: string;
  in: string;
  required?: boolean;
  description?: string;
  schema?: Schema;
}
interface Operation {
  operationId?: string;
  summary?: string;
  description?: string;
  tags?: string[];
  security?: Record<string, unknown>[];
  parameters?: Parameter[];
  requestBody?: Content;
  responses?: Record<string, Content & { description?: string }>;
}
export interface ApiDocument {
  info: { title: string; description?: string };
  tags?: { name: string; description: string }[];
  paths: Record<string, Record<string, Operation>>;
  components?: { schemas?: Record<string, Schema>; examples?: Record<string, unknown> };
}

const methods = ['get', 'post', 'put', 'patch', 'delete'];

/** The page with the ordering guide and every operation. */
export function apiDocsPage(document: ApiDocument): Html {
  const operations = Object.entries(document.paths).flatMap(([path, item]) =>
    methods.flatMap((method) => (item[method] ? [{ path, method, operation: item[method] }] : [])),
  );
  const byTag = Map.groupBy(operations, ({ operation }) => operation.tags?.[0] ?? 'other');
  const links = html`<li><a href="#order">How to order</a></li>
${guide.map(({ heading }) => html`<li><a href="#${idOf(heading)}">${heading}</a></li>`)}
${[...byTag.keys()].map((tag) => html`<li><a href="#${idOf(`calls ${tag}`)}">Calls: ${tag}</a></li>`)}
<li><a href="${shapesPath}">Shapes</a></li>`;
  return page(
    { title: `${document.info.title} API`, links },
    html`<section id="order"><h2>How to order, step by step</h2>
<p>Each command runs in a shell once its <code>…</code> is filled in. <code>cookies.txt</code> keeps what a browser would keep.</p>
<ol>${orderSteps.map(
      ({ says, command }) =>
        html`<li><p>${withCode(says)}</p><pre tabindex="0"><code>${command}</code></pre></li>`,
    )}</ol></section>
${guide.map(
  ({ heading, paragraphs }) =>
    html`<section id="${idOf(heading)}"><h2>${heading}</h2>${paragraphs.map((text) => html`<p>${withCode(text)}</p>`)}</section>`,
)}
${[...byTag].map(
  ([tag, members]) => html`<section id="${idOf(`calls ${tag}`)}"><h2>Calls: ${tag}</h2>
<p>${document.tags?.find(({ name }) => name === tag)?.description ?? ''}</p>
${members.map(describeOperation)}</section>`,
)}`,
  );
}

const shapesPath = '/api/docs/shapes';

/** The page with every schema of requests and answers. */
export function apiShapesPage({ info, components }: ApiDocument): Html {
  const links = html`<li><a href="/api/docs">How to order, and the calls</a></li>`;
  return page(
    { title: `Shapes of the ${info.title} API`, links },
    html`<section id="shapes"><h2>Shapes</h2>
${Object.entries(components?.schemas ?? {}).map(
  ([name, schema]) => html`<article id="${name}"><h3>${name}</h3>${describeSchema(schema)}</article>`,
)}
</section>`,
  );
}

function page({ title, links }: { title: string; links: Html }, content: Html): Html {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<link rel="stylesheet" href="${assetUrl('api-docs.css')}">
</head>
<body>
<a class="skip" href="#content">Skip to content</a>
<header><h1>${title}</h1>
<p><a href="/api/openapi.json">The OpenAPI document</a>, for a client of your own</p>
<nav aria-label="Parts"><ul>
${links}
</ul></nav></header>
<main id="content" tabindex="-1">
${content}
</main>
</body>
</html>`;
}

function idOf(heading: string): string {
  return heading.toLowerCase().replaceAll(/\W+/g, '-');
}

/** Renders text with code in backticks. */
function withCode(text: string): Html[] {
  return text.split('`').map((part, index) => (index % 2 === 0 ? html`${part}` : html`<code>${part}</code>`));
}

function describeOperation({
  path,
  method,
  operation,
}: {
  path: string;
  method: string;
  operation: Operation;
}): Html {
  const [body] = Object.values(operation.requestBody?.content ?? {});
  return html`<article id="${operation.operationId ?? ''}">
<h3><code><b>${method.toUpperCase()}</b> ${path}</code></h3>
<p>${withCode(operation.description ?? '')}</p>
${operation.parameters?.length ? html`<ul>${operation.parameters.map(describeParameter)}</ul>` : ''}
${body ? html`<p>Body: ${typeName(body.schema ?? {})}</p>${body.example === undefined ? '' : html`<pre tabindex="0"><code>${JSON.stringify(body.example, null, 2)}</code></pre>`}` : ''}
<ul>${Object.entries(operation.responses ?? {}).map(([status, answer]) => {
    const [media] = Object.values(answer.content ?? {});
    const shape = media?.schema?.$ref === undefined ? '' : typeName(media.schema);
    return html`<li><b>${status === 'default' ? 'others' : status}</b> ${withCode((answer.description ?? '').replaceAll('\n\n', ' '))} ${shape}</li>`;
  })}</ul>
</article>`;
}

function describeParameter(parameter: Parameter): Html {
  const { name, required, description, schema = {} } = parameter;
  return html`<li><code>${name}</code> (${parameter.in}${required ? ', required' : ''}): ${typeName(schema)}
${withCode(description ?? schema.description ?? '')}</li>`;
}

function describeSchema(schema: Schema): Html {
  const about = schema.description ? html`<p>${withCode(schema.description)}</p>` : '';
  if (!schema.properties) return html`${about}<p>${typeName(schema)}</p>`;
  const required = new Set(schema.required ?? []);
  return html`${about}<ul>${Object.entries(schema.properties).map(
    ([name, member]) =>
      html`<li><code>${name}${required.has(name) ? '' : '?'}</code>: ${typeName(member)} ${withCode(member.description ?? '')}</li>`,
  )}</ul>`;
}

/**
 * Names a type with the bounds of its values. Where one of several schemas is any text, the others are known values.
 */
function typeName(schema: Schema): Html {
  if (schema.$ref) {
    const name = schema.$ref.slice(schema.$ref.lastIndexOf('/') + 1);
    return html`<a href="${shapesPath}#${name}"><code>${name}</code></a>`;
  }
  if (schema.items) return html`list of ${typeName(schema.items)}`;
  const several = schema.anyOf ?? schema.allOf;
  if (several) return html`${several.map((one, index) => html`${index > 0 ? ' or ' : ''}${typeName(one)}`)}`;
  const name = schema.enum
    ? schema.enum.map((value) => JSON.stringify(value)).join(' | ')
    : [schema.type ?? 'object'].flat().join(' | ');
  return html`<code>${name}</code>${boundsOf(schema)}`;
}

function boundsOf({ minimum, maximum, minLength, maxLength, ...schema }: Schema): string {
  const parts = [
    minimum === undefined ? '' : `at least ${minimum}`,
    // Bounds beyond the largest safe integer are not shown.
    maximum === undefined || maximum >= Number.MAX_SAFE_INTEGER ? '' : `at most ${maximum}`,
    minLength === undefined ? '' : `at least ${minLength} characters`,
    maxLength === undefined ? '' : `at most ${maxLength} characters`,
    schema.default === undefined ? '' : `default ${schema.default}`,
  ].filter(Boolean);
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`;
}
