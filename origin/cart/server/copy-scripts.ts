// The Lua scripts that change a cart's copy and journal in Redis. Each is atomic and safe to send twice. Keys share
// one slot.
//
// copy (hash): v version, s state as JSON, o the newest 64 operations as JSON, each "<op id> <fingerprint>".
// journal (hash): "<op id>" -> "<sequence> <made on> <operation as JSON>"; the field " seq" counts. It never expires.
import type { Result } from 'ioredis';
import type { RedisClient } from '../../redis/connect.ts';

/** KEYS copy, journal. @returns version, state, operations, then the journal's values. */
const readCart = `
local held = redis.call('hmget', KEYS[1], 'v', 's', 'o')
return {held[1] or '', held[2] or '', held[3] or '', redis.call('hvals', KEYS[2])}`;

/**
 * Replaces the copy only by a newer version, and takes out of the journal exactly the ids that the writer reported.
 * KEYS copy, journal, index of journals. ARGV version, version before (or "full"), state, operations, seconds to
 * live (0: no room, keep none), drained ids, cart id, ids of the journal that a full copy was judged by (or null).
 * @returns the journal's values that are left; or "operations-missing" with nothing done, where the copy at hand is
 * not the version before and so cannot tell the operations before these, or where the journal holds an id that was
 * not judged.
 */
export const saveCart = `
local version, held = tonumber(ARGV[1]), tonumber(redis.call('hget', KEYS[1], 'v') or -1)
local operations = cjson.decode(ARGV[4])
if ARGV[5] == '0' then
  if held < version then redis.call('del', KEYS[1]) end
elseif held < version then
  if ARGV[2] == 'full' then
    local asked = cjson.decode(ARGV[8])
    if asked ~= cjson.null then
      local judged = {}
      for _, id in ipairs(asked) do judged[id] = true end
      for _, id in ipairs(redis.call('hkeys', KEYS[2])) do
        if id ~= ' seq' and not judged[id] then return 'operations-missing' end
      end
    end
  else
    if held ~= tonumber(ARGV[2]) then return 'operations-missing' end
    for _, operation in ipairs(cjson.decode(redis.call('hget', KEYS[1], 'o'))) do
      if #operations >= 64 then break end
      operations[#operations + 1] = operation
    end
  end
  local list = #operations == 0 and '[]' or cjson.encode(operations)
  redis.call('hset', KEYS[1], 'v', ARGV[1], 's', ARGV[3], 'o', list)
  redis.call('expire', KEYS[1], ARGV[5])
end
for _, id in ipairs(cjson.decode(ARGV[6])) do redis.call('hdel', KEYS[2], id) end
if redis.call('hlen', KEYS[2]) <= 1 then
  redis.call('del', KEYS[2])
  redis.call('srem', KEYS[3], ARGV[7])
  return {}
end
return redis.call('hvals', KEYS[2])`;

/**
 * Appends the operations of many carts of one bucket. Every one of them writes something, also an id that stands
 * there already, because WAIT covers the connection's last write only. KEYS index of journals, then copy and journal
 * for each operation. ARGV "1" where this server must report its append-only file as on, then for each operation:
 * cart id, op id, fingerprint, made on, operation as JSON.
 * @returns for each its outcome, "journalled", "applied" or "reused", and the newest version that it follows; or
 * "not-durable".
 */
export const appendOperations = `
if ARGV[1] == '1' and not string.find(redis.call('info', 'persistence'), 'aof_enabled:1', 1, true) then
  return 'not-durable'
end
local answers = {}
for i = 0, (#KEYS - 1) / 2 - 1 do
  local copy, journal = KEYS[2 + 2 * i], KEYS[3 + 2 * i]
  local cart, id, fingerprint = ARGV[2 + 5 * i], ARGV[3 + 5 * i], ARGV[4 + 5 * i]
  local held = redis.call('hmget', copy, 'v', 'o')
  local madeOn = math.max(tonumber(ARGV[5 + 5 * i]), tonumber(held[1] or 0))
  local answer = false
  if held[2] then
    for _, operation in ipairs(cjson.decode(held[2])) do
      if operation == id .. ' ' .. fingerprint then answer = 'applied'
      elseif string.sub(operation, 1, #id + 1) == id .. ' ' then answer = 'reused' end
    end
  end
  if not answer then
    local there = redis.call('hget', journal, id)
    if there then
      local operation = cjson.decode(string.match(there, '^%d+ %d+ (.*)$'))
      answer = operation.fingerprint == fingerprint and 'journalled' or 'reused'
    end
    local sequence = redis.call('hincrby', journal, ' seq', 1)
    redis.call('sadd', KEYS[1], cart)
    if not answer then
      redis.call('hset', journal, id, string.format('%d %d %s', sequence, madeOn, ARGV[6 + 5 * i]))
      answer = 'journalled'
    end
  end
  answers[#answers + 1] = {answer, madeOn}
end
return answers`;

export type SaveArguments = [
  copy: string,
  journal: string,
  index: string,
  version: number,
  versionBefore: number | 'full',
  contents: string,
  operations: string,
  ttlSeconds: number,
  drained: string,
  cartId: string,
  judged: string,
];

declare module 'ioredis' {
  interface RedisCommander<Context> {
    readCart(copy: string, journal: string): Result<[string, string, string, string[]], Context>;
    saveCart(...parts: SaveArguments): Result<string[] | 'operations-missing', Context>;
  }
}

export function defineCartScripts(redis: RedisClient): void {
  redis.defineCommand('readCart', { numberOfKeys: 2, lua: readCart });
  redis.defineCommand('saveCart', { numberOfKeys: 3, lua: saveCart });
}
