// Names the Redis keys of a cart, and defines the Lua scripts that change its copy and journal.
// Each script is atomic and safe to send twice. A cart's keys share one slot.
//
// copy (hash): v version, s state as JSON, o the newest 64 operations as JSON, each "<op id> <fingerprint>".
// journal (hash): "<op id>" -> "<sequence> <made on> <operation as JSON>"; the field " seq" counts. It never expires.
// birth (string): "<random> <ms>", set by the first script that finds none. It is lost with the journals when Redis
// is emptied.

import calculateSlot from 'cluster-key-slot';
import type { Result } from 'ioredis';
import type { RedisClient } from '../../redis/connect.ts';

/**
 * Reads the server's own clock in ms, so that ages do not compare two clocks. A birth is not stored where the server
 * cannot write. GETEX without an option only reads, but a replica refuses it. A former primary must not answer,
 * because it may lack newer operations.
 */
const readBirth = `
local time = redis.call('time')
local nowMs = time[1] * 1000 + math.floor(time[2] / 1000)
local function readBirth(key, random)
  local birth = redis.pcall('getex', key)
  if type(birth) == 'table' then
    local isReplica = string.find(birth.err, 'READONLY', 1, true)
    birth = redis.call(isReplica and 'getex' or 'get', key)
  end
  if not birth then
    birth = string.format('%s %.0f', random, nowMs)
    redis.pcall('set', key, birth)
  end
  return birth
end`;

/**
 * KEYS copy, journal, birth. ARGV a random id for a birth.
 * @returns version, state, operations, the bucket's birth, ms since that birth, then the journal's values
 */
const readCart = `${readBirth}
local held = redis.call('hmget', KEYS[1], 'v', 's', 'o')
local birth = readBirth(KEYS[3], ARGV[1])
local ageMs = nowMs - tonumber(string.match(birth, ' (%d+)$'))
return {held[1] or '', held[2] or '', held[3] or '', birth, ageMs, redis.call('hvals', KEYS[2])}`;

/** The one argument of `saveCart`, as JSON. */
export interface SaveArgument {
  cartId: string;
  version: number;
  versionBefore: number | 'full';
  /** As JSON. */
  contents: string;
  /** Each "<op id> <fingerprint>", the newest first. */
  operations: string[];
  /** 0 where Redis has no room: the copy is not kept. */
  keepSeconds: number;
  /** Op ids that leave the journal. */
  drained: string[];
  /** Ids in the journal that were checked for a full copy. */
  judged: string[] | undefined;
}

/**
 * Replaces the copy only by a newer version, and removes exactly the reported ids from the journal.
 * KEYS copy, journal, index of journals.
 * @returns the values left in the journal; or "operations-missing", with nothing changed, in two cases: the present
 * copy is not the version before, so the older operations are unknown; or the journal holds an id that was not judged
 */
const saveCart = `
local copy, journal, index = KEYS[1], KEYS[2], KEYS[3]
local save = cjson.decode(ARGV[1])
local held = tonumber(redis.call('hget', copy, 'v') or -1)
local operations = save.operations
if save.keepSeconds == 0 then
  if held < save.version then redis.call('del', copy) end
elseif held < save.version then
  if save.versionBefore == 'full' then
    if save.judged then
      local judged = {}
      for _, id in ipairs(save.judged) do judged[id] = true end
      for _, id in ipairs(redis.call('hkeys', journal)) do
        if id ~= ' seq' and not judged[id] then return 'operations-missing' end
      end
    end
  else
    if held ~= save.versionBefore then return 'operations-missing' end
    for _, operation in ipairs(cjson.decode(redis.call('hget', copy, 'o'))) do
      if #operations >= 64 then break end
      operations[#operations + 1] = operation
    end
  end
  local list = #operations == 0 and '[]' or cjson.encode(operations)
  redis.call('hset', copy, 'v', string.format('%d', save.version), 's', save.contents, 'o', list)
  redis.call('expire', copy, save.keepSeconds)
end
for _, id in ipairs(save.drained) do redis.call('hdel', journal, id) end
if redis.call('hlen', journal) <= 1 then
  redis.call('del', journal)
  redis.call('srem', index, save.cartId)
  return {}
end
return redis.call('hvals', journal)`;

/** The one argument of `appendOperations`, as JSON. */
export interface AppendArgument {
  /** Whether this server must report its append-only file as on. */
  needsFile: boolean;
  /** Random id for the bucket's birth, used where it has none. */
  random: string;
  /** In the order of the keys. */
  entries: AppendEntry[];
}

export interface AppendEntry {
  cartId: string;
  opId: string;
  fingerprint: string;
  madeOn: number;
  /** As JSON. */
  operation: string;
  /** The newest place in the journal that the browser has seen. This operation gets a later one. */
  after: number;
  /** The place that it had before, in a journal that may be gone. */
  sequence: number | undefined;
}

/**
 * Appends the operations of many carts of one bucket. Every entry writes something, even for an id that stands there
 * already, because WAIT covers only the connection's last write. An operation that comes again keeps its place and
 * its version. The copy is deleted where the operation may be older than the 64 ids that it names, or a view would
 * count it twice.
 * KEYS index of journals, birth, then copy and journal for each entry.
 * @returns the birth, then for each entry its outcome ("journalled", "applied" or "reused"), the newest version that
 * it follows, and its place and version in the journal; or "not-durable"
 */
export const appendOperations = `${readBirth}
local append = cjson.decode(ARGV[1])
if append.needsFile and not string.find(redis.call('info', 'persistence'), 'aof_enabled:1', 1, true) then
  return 'not-durable'
end
local answers = {readBirth(KEYS[2], append.random)}
for i, entry in ipairs(append.entries) do
  local copy, journal = KEYS[2 * i + 1], KEYS[2 * i + 2]
  local held = redis.call('hmget', copy, 'v', 'o')
  local version = math.max(entry.madeOn, tonumber(held[1] or 0))
  local madeOn = entry.sequence and entry.madeOn or version
  local sequence, answer = 0, false
  local named = held[2] and cjson.decode(held[2]) or {}
  for _, operation in ipairs(named) do
    if operation == entry.opId .. ' ' .. entry.fingerprint then answer = 'applied'
    elseif string.sub(operation, 1, #entry.opId + 1) == entry.opId .. ' ' then answer = 'reused' end
  end
  if not answer then
    local newest = tonumber(redis.call('hget', journal, ' seq') or 0)
    local next = math.max(newest, entry.after) + 1
    redis.call('hset', journal, ' seq', string.format('%d', entry.sequence and math.max(newest, entry.sequence) or next))
    redis.call('sadd', KEYS[1], entry.cartId)
    local there = redis.call('hget', journal, entry.opId)
    if there then
      local place, made, json = string.match(there, '^(%d+) (%d+) (.*)$')
      sequence, madeOn = tonumber(place), tonumber(made)
      answer = cjson.decode(json).fingerprint == entry.fingerprint and 'journalled' or 'reused'
    else
      sequence, answer = entry.sequence or next, 'journalled'
      redis.call('hset', journal, entry.opId, string.format('%d %d %s', sequence, madeOn, entry.operation))
      if entry.sequence and #named >= 64 then redis.call('del', copy) end
    end
  end
  answers[#answers + 1] = {answer, version, sequence, madeOn}
end
return answers`;

type SaveArguments = [copy: string, journal: string, index: string, argument: string];

declare module 'ioredis' {
  interface RedisCommander<Context> {
    readCart(
      copy: string,
      journal: string,
      birth: string,
      random: string,
    ): Result<[string, string, string, string, number, string[]], Context>;
    saveCart(...parts: SaveArguments): Result<string[] | 'operations-missing', Context>;
  }
}

/** Keys and argument of `saveCart`. @param part the part of the copy's key that names the lineage */
export function saveArguments(update: SaveArgument, part: string): SaveArguments {
  const { cartId } = update;
  return [copyKey(cartId, part), journalKey(cartId), journalIndexKey(cartId), JSON.stringify(update)];
}

export function defineCartScripts(redis: RedisClient): void {
  redis.defineCommand('readCart', { numberOfKeys: 3, lua: readCart });
  redis.defineCommand('saveCart', { numberOfKeys: 3, lua: saveCart });
}

// Redis keys of a cart. Its copy, its journal and the index of journals share one slot, so that one script changes all
// three. Many carts share one index, so that the worker reads few sets to find every journal.

/** Enough buckets to spread evenly over dozens of servers, and few enough to ask for all of them each second. */
const buckets = 128;

/** @param part names the database's lineage; copies of another lineage are not found. Journals have no such part. */
export function copyKey(cartId: string, part = ''): string {
  return `${bucketOf(cartId)}:copy${part && `-${part}`}:${cartId}`;
}

export function journalKey(cartId: string): string {
  return `${bucketOf(cartId)}:journal:${cartId}`;
}

/** Names the carts of the bucket that have a journal. */
export function journalIndexKey(cartId: string): string {
  return `${bucketOf(cartId)}:journals`;
}

/** The birth says since when this bucket's journals exist. A new value means that Redis was emptied. */
export function birthKey(cartId: string): string {
  return `${bucketOf(cartId)}:birth`;
}

/** A server process and the birth of its journals. Another home may lack what this one had. */
export type JournalHome = string | undefined;

/** @param runId undefined where it is uncertain which process answered */
export function journalHome(runId: string | undefined, birth: string): JournalHome {
  return runId && `${runId} ${birth}`;
}

/** The index keys of all buckets. */
export const journalIndexKeys: string[] = Array.from({ length: buckets }, (_, n) => `{carts-${n}}:journals`);

function bucketOf(cartId: string): string {
  return `{carts-${calculateSlot(cartId) % buckets}}`;
}
