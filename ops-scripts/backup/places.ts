// The places of backups: a folder, or a bucket of S3 under a prefix.
import { createWriteStream, existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { S3Client } from '@aws-sdk/client-s3';
import { makeFolders } from '../../http/system-faults.ts';
import { readHeader } from './sealed-file.ts';

export interface BackupPlace {
  /** Writes under another name, or invisibly, until the backup is complete. @returns its address and size */
  write(name: string, bytes: AsyncIterable<Buffer>): Promise<{ file: string; bytes: number }>;
  /** Lists backups, newest first. Other files are skipped. */
  list(): Promise<ListedBackup[]>;
}

export interface ListedBackup {
  file: string;
  takenAt: string;
  bytes: number;
}

export const extension = '.backup';
const headerBytes = 4_096;

type Environment = Record<string, string | undefined>;

/** @param address a folder, or `s3://bucket/prefix` */
export async function openPlace(address: string, env: Environment): Promise<BackupPlace> {
  return isInS3(address) ? openBucket(address, env) : openFolder(resolve(address));
}

function isInS3(address: string): boolean {
  return address.startsWith('s3://');
}

function openFolder(folder: string): BackupPlace {
  return {
    async write(name, bytes) {
      makeFolders(folder);
      const file = join(folder, name);
      const unfinished = `${file}.new`;
      try {
        await pipeline(bytes, createWriteStream(unfinished, { mode: 0o600, flush: true }));
        await rename(unfinished, file);
      } catch (error) {
        rmSync(unfinished, { force: true });
        throw error;
      }
      return { file, bytes: statSync(file).size };
    },
    async list() {
      const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(extension)) : [];
      const listed: ListedBackup[] = [];
      for (const name of names) {
        const file = join(folder, name);
        const opened = await open(file);
        const start = Buffer.alloc(headerBytes);
        const { bytesRead } = await opened.read(start).finally(() => opened.close());
        addIfOurs(listed, start.subarray(0, bytesRead), file, statSync(file).size);
      }
      return newestFirst(listed);
    },
  };
}

function addIfOurs(listed: ListedBackup[], start: Buffer, file: string, bytes: number): void {
  try {
    listed.push({ file, takenAt: readHeader(start).takenAt, bytes });
  } catch {}
}

function newestFirst(listed: ListedBackup[]): ListedBackup[] {
  return listed.sort((a, b) => b.takenAt.localeCompare(a.takenAt));
}

/** S3 accepts at most 10,000 parts, so a backup can have 160 GB. */
const partBytes = 16 * 1024 * 1024;

async function openBucket(address: string, env: Environment): Promise<BackupPlace> {
  const { GetObjectCommand, paginateListObjectsV2 } = await import('@aws-sdk/client-s3');
  const { bucket, key: prefix } = partsOf(address);
  const under = prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`;
  const client = await connect(env);
  return {
    async write(name, bytes) {
      const { Upload } = await import('@aws-sdk/lib-storage');
      const Key = `${under}${name}`;
      let length = 0;
      const counted = async function* () {
        for await (const part of bytes) {
          length += part.length;
          yield part;
        }
      };
      const params = { Bucket: bucket, Key, Body: Readable.from(counted()) };
      await new Upload({ client, params, partSize: partBytes }).done();
      return { file: `s3://${bucket}/${Key}`, bytes: length };
    },
    async list() {
      const listed: ListedBackup[] = [];
      for await (const page of paginateListObjectsV2({ client }, { Bucket: bucket, Prefix: under })) {
        for (const { Key = '', Size = 0 } of page.Contents ?? []) {
          if (!Key.endsWith(extension)) continue;
          const Range = `bytes=0-${headerBytes - 1}`;
          const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key, Range }));
          addIfOurs(listed, Buffer.from(await Body!.transformToByteArray()), `s3://${bucket}/${Key}`, Size);
        }
      }
      return newestFirst(listed);
    },
  };
}

export interface LocalBackup extends AsyncDisposable {
  path: string;
}

/**
 * Downloads a backup from S3, because it is read twice: the first time to check that it is complete. Disposing removes
 * the download.
 */
export async function fetchBackup(file: string, env: Environment): Promise<LocalBackup> {
  if (!isInS3(file)) return { path: file, [Symbol.asyncDispose]: async () => undefined };
  const { GetObjectCommand } = await import('@aws-sdk/client-s3');
  const { bucket, key } = partsOf(file);
  const folder = mkdtempSync(join(tmpdir(), 'myclothes-backup-'));
  const path = join(folder, 'fetched.backup');
  try {
    const client = await connect(env);
    const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
    await pipeline(Body as Readable, createWriteStream(path, { mode: 0o600 }));
  } catch (cause) {
    rmSync(folder, { recursive: true, force: true });
    throw new Error(`Cannot fetch ${file}: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
  return { path, [Symbol.asyncDispose]: async () => rmSync(folder, { recursive: true, force: true }) };
}

/** @throws if the address has no bucket */
function partsOf(address: string): { bucket: string; key: string } {
  const [, bucket, key = ''] = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/.exec(address) ?? [];
  if (bucket === undefined)
    throw new Error(`Cannot read '${address}': an address in S3 looks like s3://bucket/folder`);
  return { bucket, key };
}

/**
 * Finds region and credentials as every AWS SDK does. Another endpoint rarely supports buckets as host names, so it
 * gets path-style addresses.
 */
async function connect(env: Environment): Promise<S3Client> {
  const { S3Client } = await import('@aws-sdk/client-s3');
  const endpoint = env['AWS_ENDPOINT_URL_S3'] || env['AWS_ENDPOINT_URL'];
  return new S3Client(endpoint ? { endpoint, forcePathStyle: true } : {});
}
