// Reads posted forms as plain strings, and renders form fields with their values and faults.
import { randomUUID } from 'node:crypto';
import type { Context } from 'hono';
import { raw } from 'hono/html';
import { Refusal } from '../../errors.ts';
import type { InputFault } from '../api/describe-faults.ts';
import type { AppEnv } from '../env.ts';
import { type Html, html } from './html.ts';

export type FormValues = Record<string, string>;
/** By field: a sentence that states its fault. */
export type FormFaults = Record<string, string>;

const usualFields = 300;

/**
 * Reads a form. The last of several values of one name counts, and files are ignored.
 * @throws Refusal 415 where the body is no form, 422 where it has too many fields
 */
export async function readForm(c: Context<AppEnv>, maxFields = usualFields): Promise<FormValues> {
  const type = c.req.header('Content-Type') ?? '';
  if (!/^(application\/x-www-form-urlencoded|multipart\/form-data)/i.test(type)) {
    throw new Refusal(415, 'unsupported-media-type', 'This address takes forms');
  }
  const data = await c.req.formData().catch((cause: unknown) => {
    throw new Refusal(422, 'invalid-body', 'The form cannot be read', { cause });
  });
  const values: FormValues = {};
  let count = 0;
  for (const [name, value] of data) {
    if (++count > maxFields) throw new Refusal(422, 'invalid-body', `A form has at most ${maxFields} fields`);
    // Postgres cannot store NUL or lone surrogates.
    if (typeof value === 'string') values[name] = value.replaceAll('\0', '').toWellFormed();
  }
  return values;
}

/** Parses an amount such as `19.99` into minor units; NaN where it is no amount. */
export function toCents(text: string): number {
  const [, whole, cents = ''] = /^(\d{1,7})(?:[.,](\d{1,2}))?$/.exec(text) ?? [];
  return whole === undefined ? Number.NaN : Number(whole) * 100 + Number(cents.padEnd(2, '0'));
}

/** Converts a day and time in UTC, such as `2026-12-24 18:00`, to ISO 8601. Other texts stay as they are. */
export function toTime(text: string): string {
  return /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}$/.test(text) ? `${text.replace(' ', 'T')}:00Z` : text;
}

/** The form's own key, or a new one. The key makes a form that is sent twice have one effect. */
export function readIdempotencyKey(values: FormValues): string {
  const key = values['idempotency-key'] ?? '';
  return /^[\x21-\x7e]{1,200}$/.test(key) ? key : randomUUID();
}

/** A schema's faults as one sentence for each field; an empty field gets its own sentence. */
export function faultsOf(error: { issues: Issue[] }, values: FormValues): FormFaults {
  const faults: FormFaults = {};
  for (const { path, message } of error.issues) {
    const name = String(path.at(-1) ?? 'form');
    faults[name] ??= faultSentence(message, values[name]);
  }
  return faults;
}

/** The sentence for a schema of a single field. */
export function faultOf(error: { issues: Issue[] }, value: string): string {
  return faultSentence(error.issues[0]!.message, value);
}

function faultSentence(message: string, value: string | undefined): string {
  const sentence = (value ?? '').trim() === '' ? 'Please fill this in' : message;
  return `${sentence[0]!.toUpperCase()}${sentence.slice(1)}.`;
}

/**
 * Returns a refusal that the page can show with the entered values.
 * @throws all other errors, and refusals of 500 and above
 */
export function refusalToShow(error: unknown): Refusal {
  if (error instanceof Refusal && error.status < 500) return error;
  throw error;
}

/** Faults of single fields in a refusal of the body; undefined where the refusal is about something else. */
export function faultsOfRefusal(error: unknown): FormFaults | undefined {
  if (!(error instanceof Refusal) || error.code !== 'invalid-body') return undefined;
  const faults = error.details['faults'] as InputFault[] | undefined;
  if (faults === undefined) return undefined;
  return Object.fromEntries(faults.map(({ field, message }) => [field, faultSentence(message, 'given')]));
}

interface Issue {
  path: PropertyKey[];
  message: string;
}

export function idempotencyField(): Html {
  return html`<input type="hidden" name="idempotency-key" value="${randomUUID()}">`;
}

export interface FieldOptions {
  name: string;
  label: string;
  type?: 'text' | 'email' | 'password' | 'tel' | 'number';
  autocomplete?: string;
  value?: string | undefined;
  fault?: string | undefined;
  hint?: string;
  required?: boolean;
  minLength?: number;
  maxLength?: number;
  className?: string;
}

export function field(options: FieldOptions): Html {
  const { name, label, type = 'text', value = '', fault, hint, required = true, maxLength = 200 } = options;
  const described = [fault ? `${name}-fault` : '', hint ? `${name}-hint` : ''].filter(Boolean).join(' ');
  return html`<div class="field ${options.className ?? ''}">
<label for="${name}">${label}${required ? '' : html` <span class="soft">(optional)</span>`}</label>
<input class="input" id="${name}" name="${name}" type="${type}"${raw(type === 'text' ? ' dir="auto"' : '')} value="${type === 'password' ? '' : value}"${attribute('maxlength', type === 'password' ? undefined : maxLength)}${attribute('minlength', options.minLength)}${attribute('autocomplete', options.autocomplete)}${attribute('aria-describedby', described)}${raw(required ? ' required' : '')}${raw(fault ? ' aria-invalid="true"' : '')}>
${fault ? html`<p class="wrong" id="${name}-fault">${fault}</p>` : ''}
${hint ? html`<p class="hint" id="${name}-hint">${hint}</p>` : ''}
</div>`;
}

export interface Wrong {
  faults?: FormFaults | undefined;
  /** Why the whole form was refused. */
  refused?: Html | string | undefined;
}

/**
 * Renders a form's faults first on the page, focused. Each fault links to its field.
 * @param labels by field name, in the order of the form; a field's id is its name
 */
export function faultSummary(labels: Record<string, string>, { faults = {}, refused }: Wrong): Html | '' {
  if (refused === undefined && Object.keys(faults).length === 0) return '';
  const known = Object.entries(labels).filter(([name]) => faults[name] !== undefined);
  const others = Object.entries(faults).filter(([name]) => labels[name] === undefined);
  return html`<div class="notice" role="alert" tabindex="-1" autofocus aria-labelledby="faults">
<h2 id="faults">${refused === undefined ? 'Please check what you entered' : 'There is a problem'}</h2>
${typeof refused === 'string' ? html`<p>${refused}</p>` : (refused ?? '')}
${known.length + others.length === 0 ? '' : html`<ul>${known.map(([name, label]) => html`<li><a href="#${name}">${label}: ${faults[name]}</a></li>`)}${others.map(([, fault]) => html`<li>${fault}</li>`)}</ul>`}</div>`;
}

/** The word comes first, so that screen readers begin with it and a background tab shows it. */
export function titleOf(title: string, isWrong: boolean): string {
  return isWrong ? `Error: ${title}` : title;
}

/** A notice before the rest of the page, which screen readers announce. */
export function notice(content: Html | string, kind: 'wrong' | 'good' = 'wrong'): Html {
  return html`<div class="notice ${kind === 'good' ? 'good' : ''}" role="${kind === 'good' ? 'status' : 'alert'}">${typeof content === 'string' ? html`<p>${content}</p>` : content}</div>`;
}

function attribute(name: string, value: string | number | undefined): Html | '' {
  return value === undefined || value === '' ? '' : html` ${raw(name)}="${value}"`;
}
