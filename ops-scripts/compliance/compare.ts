// Compares the findings of two snapshots, with the reasons before and after.
import type { Finding, Report } from './findings.ts';

export interface Change {
  control: string;
  resource: string;
  before: Finding['status'] | 'absent';
  after: Finding['status'] | 'absent';
  why: string;
}

export function compareReports(before: Report, after: Report): Change[] {
  const key = ({ control, resource }: Finding) => `${control}|${resource}`;
  const old = new Map(before.findings.map((finding) => [key(finding), finding]));
  const fresh = new Map(after.findings.map((finding) => [key(finding), finding]));
  return [...new Set([...old.keys(), ...fresh.keys()])].flatMap((id) => {
    const [was, is] = [old.get(id), fresh.get(id)];
    if (was?.status === is?.status && (was?.status === 'pass' || was?.reason === is?.reason)) return [];
    const { control, resource } = (is ?? was)!;
    const why =
      is === undefined
        ? 'the part is gone'
        : was === undefined
          ? `new: ${is.reason}`
          : `${is.reason} (before: ${was.reason})`;
    return [{ control, resource, before: was?.status ?? 'absent', after: is?.status ?? 'absent', why }];
  });
}
