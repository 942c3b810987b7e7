// The API's page for people: each operation with what it takes and answers, rendered from the OpenAPI document.
import { html } from 'hono/html';
import { assetUrl } from '../assets.ts';

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
}
interface Parameter {
  name: string;
  in: string;
  required?: boolean;
  description?: string;
  schema?: Schema;
}
interface Operation {
  summary?: string;
  tags?: string[];
  parameters?: Parameter[];
  requestBody?: { content?: Record<string, { schema?: Schema }> };
  responses?: Record<string, { description?: string; content?: Record<string, { schema?: Schema }> }>;
}
export interface ApiDocument {
  info: { title: string; description?: string };
  paths: Record<string, Record<string, Operation>>;
  components?: { schemas?: Record<string, Schema> };
}

const methods = ['get', 'post', 'put', 'patch', 'delete'];

export function apiDocsPage(document: ApiDocument): Html {
  const operations = Object.entries(document.paths).flatMap(([path, item]) =>
    methods.flatMap((method) => (item[method] ? [{ path, method, operation: item[method] }] : [])),
  );
  const byTag = Map.groupBy(operations, ({ operation }) => operation.tags?.[0] ?? 'other');
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>API · ${document.info.title}</title>
<link rel="stylesheet" href="${assetUrl('api-docs.css')}">
</head>
<body>
<header><h1>${document.info.title} API</h1>
<p>${document.info.description ?? ''}</p>
<p><a href="/api/openapi.json">The OpenAPI document</a></p></header>
<main>
${[...byTag].map(
  ([tag, members]) => html`<section><h2>${tag}</h2>${members.map(describeOperation)}</section>`,
)}
<section><h2>Shapes</h2>
${Object.entries(document.components?.schemas ?? {}).map(
  ([name, schema]) => html`<article id="${name}"><h3>${name}</h3>${describeSchema(schema)}</article>`,
)}
</section>
</main>
</body>
</html>`;
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
  const body = Object.values(operation.requestBody?.content ?? {})[0]?.schema;
  return html`<article>
<h3><code><b>${method.toUpperCase()}</b> ${path}</code></h3>
<p>${operation.summary ?? ''}</p>
${operation.parameters?.length ? html`<ul>${operation.parameters.map(describeParameter)}</ul>` : ''}
${body ? html`<p>Body:</p>${describeSchema(body)}` : ''}
<ul>${Object.entries(operation.responses ?? {}).map(([status, answer]) => {
    const schema = Object.values(answer.content ?? {})[0]?.schema;
    return html`<li><b>${status}</b> ${answer.description ?? ''} ${schema ? html`<code>${typeName(schema)}</code>` : ''}</li>`;
  })}</ul>
</article>`;
}

function describeParameter(parameter: Parameter): Html {
  return html`<li><code>${parameter.name}</code> (${parameter.in}${parameter.required ? ', required' : ''})
${parameter.description ?? parameter.schema?.description ?? ''}</li>`;
}

function describeSchema(schema: Schema): Html {
  if (!schema.properties) return html`<p><code>${typeName(schema)}</code></p>`;
  const required = new Set(schema.required ?? []);
  return html`<ul>${Object.entries(schema.properties).map(
    ([name, member]) =>
      html`<li><code>${name}${required.has(name) ? '' : '?'}</code>: <code>${typeName(member)}</code> ${member.description ?? ''}</li>`,
  )}</ul>`;
}

function typeName(schema: Schema): string {
  if (schema.$ref) return schema.$ref.slice(schema.$ref.lastIndexOf('/') + 1);
  if (schema.items) return `[${typeName(schema.items)}]`;
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  if (schema.anyOf) return schema.anyOf.map(typeName).join(' | ');
  return [schema.type ?? 'object'].flat().join(' | ');
}
