#include "server/store/redis_scripts.h"

#include <openssl/evp.h>

#include <array>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace mneme {
namespace {

std::string Sha1Hex(const std::string& text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(),
             nullptr);
  return absl::BytesToHexString(
      {reinterpret_cast<const char*>(digest.data()), size});
}

// Reads a framed record: 9 bytes of frame, durability, head, replies, values.
constexpr char kParse[] = R"lua(
local function number(bytes, first, size)
  local n = 0
  for i = first + size - 1, first, -1 do n = n * 256 + bytes:byte(i) end
  return n
end
local function parse(bytes)
  if not bytes or #bytes < 62 then return nil end
  local count = number(bytes, 59, 4)
  if #bytes < 62 + 32 * count then return nil end
  local record = {head = bytes:sub(11, 42), first = number(bytes, 43, 8),
                  last = number(bytes, 51, 8), values = {}, has = {}}
  for i = 0, count - 1 do
    local value = bytes:sub(63 + 32 * i, 94 + 32 * i)
    if not record.has[value] then
      record.has[value] = true
      record.values[#record.values + 1] = value
    end
  end
  return record
end
)lua";

constexpr char kDrop[] = R"lua(
local function drop(value)
  if redis.call('HINCRBY', KEYS[3], value, -1) > 0 then return end
  redis.call('HDEL', KEYS[3], value)
  redis.call('HDEL', KEYS[5], value)
end
)lua";

constexpr char kClaim[] = R"lua(
local stored = redis.call('HMGET', KEYS[1], 'r', 'g')
if stored[1] and (stored[1] ~= ARGV[3] or stored[2] ~= ARGV[4]) then
  return {'taken', stored[1], stored[2]}
end
local time = redis.call('TIME')
local claim = time[1] .. string.format('%06d', tonumber(time[2])) .. ARGV[2]
redis.call('HSET', KEYS[1], 'r', ARGV[1], 'g', claim)
return {'claimed', claim}
)lua";

constexpr char kRelease[] = R"lua(
local stored = redis.call('HMGET', KEYS[1], 'r', 'g')
if stored[1] == ARGV[1] and stored[2] == ARGV[2] then
  redis.call('HDEL', KEYS[1], 'r', 'g')
end
return {'ok'}
)lua";

constexpr char kBury[] = R"lua(
if ARGV[1] == '' then redis.call('HDEL', KEYS[1], 't')
else redis.call('HSET', KEYS[1], 't', ARGV[1]) end
local stored = redis.call('HMGET', KEYS[1], 'r', 'g')
return {'ok', stored[1] or '', stored[2] or ''}
)lua";

constexpr char kClose[] = R"lua(
local record = redis.call('HGET', KEYS[1], 'r')
if record then return {'stored', record} end
redis.call('SADD', KEYS[2], ARGV[1])
return {'closed'}
)lua";

constexpr char kNow[] = R"lua(
local function now_us()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000000 + tonumber(time[2])
end
local function integer(n) return string.format('%.0f', n) end
)lua";

constexpr char kLease[] = R"lua(
local function hold(key, owner, lease)
  redis.call('HSET', key, 'o', owner, 'l', integer(now_us() + tonumber(lease)))
end
local function hand_over(key, wanter, lease)
  hold(key, wanter, lease)
  redis.call('HDEL', key, 'w', 'x')
end
local function lease_left(owner, holder, ends)
  if not holder or holder == owner then return 0 end
  return math.max(0, tonumber(ends or '0') - now_us())
end
local function wanted_by_another(owner, who, ends)
  return who and who ~= owner and tonumber(ends or '0') > now_us()
end
local function age(written)
  return integer(math.max(0, now_us() - tonumber(written or now_us())))
end
)lua";

constexpr char kAcquire[] = R"lua(
local stored = redis.call('HMGET', KEYS[1], 'r', 'e', 'o', 'l', 'w', 'x', 'u',
                          'v', 'a')
if not stored[1] then return {'none'} end
local left = lease_left(ARGV[1], stored[3], stored[4])
local wanted = wanted_by_another(ARGV[1], stored[5], stored[6])
if left == 0 and wanted and stored[2] == ARGV[3] then
  hand_over(KEYS[1], stored[5], ARGV[2])
  left = tonumber(ARGV[2])
end
if left > 0 then
  if ARGV[4] ~= '0' then
    redis.call('HSET', KEYS[1], 'w', ARGV[1],
               'x', integer(now_us() + tonumber(ARGV[4])))
  end
  return {'held', integer(left)}
end
redis.call('HINCRBY', KEYS[1], 'e', 1)
hold(KEYS[1], ARGV[1], ARGV[2])
redis.call('HSET', KEYS[1], 'a', ARGV[1])
if not wanted then redis.call('HDEL', KEYS[1], 'w', 'x') end
if ARGV[4] ~= '0' then redis.call('HSET', KEYS[1], 'v', integer(now_us())) end
return {'ok', stored[1], redis.call('HGET', KEYS[1], 'e'), age(stored[7]),
        age(stored[8]), stored[2] == ARGV[3] and '' or 'moved',
        stored[9] == ARGV[1] and '' or 'other'}
)lua";

constexpr char kLook[] = R"lua(
local stored = redis.call('HMGET', KEYS[1], 'r', 'o', 'l', 'u', 'v')
if not stored[1] then return {'none'} end
return {'ok', stored[1], integer(lease_left(ARGV[1], stored[2], stored[3])),
        age(stored[4]), age(stored[5])}
)lua";

constexpr char kRemind[] = R"lua(
if ARGV[5] ~= '' and redis.call('ZSCORE', KEYS[1], ARGV[1]) ~= ARGV[5] then
  return {'changed'}
end
local due = integer(now_us() + tonumber(ARGV[3]))
if ARGV[4] == '1' then
  redis.call('ZADD', KEYS[1], due, ARGV[1])
  redis.call('ZADD', KEYS[2], 0, ARGV[2])
elseif ARGV[5] ~= '' then
  redis.call('ZADD', KEYS[1], 'XX', due, ARGV[1])
else
  redis.call('ZADD', KEYS[1], 'XX', 'LT', due, ARGV[1])
end
return {'ok'}
)lua";

constexpr char kUnbury[] = R"lua(
if redis.call('HGET', KEYS[1], 't') == ARGV[1] then
  redis.call('HDEL', KEYS[1], 't')
end
return {'ok'}
)lua";

constexpr char kForget[] = R"lua(
local score = redis.call('ZSCORE', KEYS[1], ARGV[1]) or ''
if score ~= ARGV[3] then return {'changed'} end
redis.call('ZREM', KEYS[2], ARGV[2])
if ARGV[4] ~= '1' then redis.call('ZREM', KEYS[1], ARGV[1]) end
return {'ok'}
)lua";

constexpr char kDue[] = R"lua(
return redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', integer(now_us()),
                  'WITHSCORES', 'LIMIT', 0, ARGV[1])
)lua";

constexpr char kTell[] = R"lua(
redis.call('SET', KEYS[2], integer(now_us()), 'NX')
for i = 3, #ARGV, 3 do
  local index = ARGV[i + 1]
  local gone = index ~= '' and not redis.call('ZSCORE', KEYS[3], index)
  redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1],
             integer(redis.call('INCR', KEYS[2])) .. '-1', 'n',
             gone and ARGV[i + 2] or ARGV[i])
end
redis.call('EXPIRE', KEYS[1], ARGV[2])
return {'ok'}
)lua";

constexpr char kHear[] = R"lua(
local last = tonumber(redis.call('GET', KEYS[2]) or '0')
if ARGV[1] == '' then return {'ok', integer(last), ''} end
local mark = tonumber(ARGV[1])
local found = redis.call('XRANGE', KEYS[1], integer(mark + 1) .. '-0', '+',
                         'COUNT', ARGV[2])
local first = found[1] and tonumber(found[1][1]:match('^%d+')) or last + 1
local whole = last >= mark and (mark == 0 or first == mark + 1)
local heard = {'ok', integer(last), whole and '' or 'missed'}
for i, note in ipairs(found) do
  heard[2] = note[1]:match('^%d+')
  heard[i + 3] = note[2][2]
end
return heard
)lua";

constexpr char kCommit[] = R"lua(
local stored = redis.call('HMGET', KEYS[1], 'r', 'e', 'w', 'x')
local parent = KEYS[7] and redis.call('HGET', KEYS[7], 'r')
local function refused() return {'refused', stored[1] or '', parent or ''} end

local old = {values = {}, has = {}, first = 0, last = 0}
local new = parse(ARGV[5])
local source = {}
if ARGV[3] == '' then
  if stored[1] then return refused() end
  if redis.call('SISMEMBER', KEYS[6], ARGV[2]) == 1 then return {'closed'} end
else
  if not stored[1] then return refused() end
  if stored[2] ~= ARGV[2] then return {'fenced', stored[2]} end
  old = parse(stored[1])
  if not old or old.head ~= ARGV[3] or KEYS[7] then return refused() end
end
if ARGV[4] ~= '1' then return refused() end

local puts = tonumber(ARGV[8])
if KEYS[7] then
  local from = parse(parent)
  if not from then return refused() end
  source = from.has
else
  for i = 0, puts - 1 do source[ARGV[9 + 2 * i]] = 'put' end
end
for _, value in ipairs(new.values) do
  local known = old.has[value] or source[value]
  if not known then return refused() end
  if known ~= 'put' and redis.call('HEXISTS', KEYS[3], value) == 0 then
    return refused()
  end
end

for i = 0, puts - 1 do
  local value = ARGV[9 + 2 * i]
  if not old.has[value] then
    redis.call('HSETNX', KEYS[5], value, ARGV[10 + 2 * i])
  end
end
for _, value in ipairs(new.values) do
  if not old.has[value] then redis.call('HINCRBY', KEYS[3], value, 1) end
end
for _, value in ipairs(old.values) do
  if not new.has[value] then drop(value) end
end
for step = old.first, old.last - 1 do
  if step < new.first or step >= new.last then
    redis.call('HDEL', KEYS[2], string.format('%.0f', step))
  end
end
local at = 9 + 2 * puts
for i = 0, tonumber(ARGV[at]) - 1 do
  redis.call('HSET', KEYS[2], ARGV[at + 1 + 2 * i], ARGV[at + 2 + 2 * i])
end
redis.call('HSET', KEYS[1], 'r', ARGV[5], 'e', ARGV[2],
           'u', integer(now_us()), 'v', integer(now_us()), 'a', ARGV[6])
redis.call('SADD', KEYS[4], ARGV[1])
if wanted_by_another(ARGV[6], stored[3], stored[4]) then
  hand_over(KEYS[1], stored[3], ARGV[7])
  return {'ok', 'released'}
end
if stored[3] then redis.call('HDEL', KEYS[1], 'w', 'x') end
hold(KEYS[1], ARGV[6], ARGV[7])
return {'ok'}
)lua";

constexpr char kRemove[] = R"lua(
local stored = redis.call('HMGET', KEYS[1], 'r', 'e')
if not stored[1] then return {'none'} end
if stored[2] ~= ARGV[2] then return {'fenced', stored[2]} end
local record = ARGV[3] ~= '1' and parse(stored[1])
if record then
  for _, value in ipairs(record.values) do drop(value) end
else
  if redis.call('SCARD', KEYS[4]) ~= #KEYS - 4 then return {'changed'} end
  local holders = {}
  for i = 6, #KEYS do
    if redis.call('SISMEMBER', KEYS[4], ARGV[i - 2]) == 0 then
      return {'changed'}
    end
    local other = parse(redis.call('HGET', KEYS[i], 'r'))
    for _, value in ipairs(other and other.values or {}) do
      holders[value] = (holders[value] or 0) + 1
    end
  end
  for _, value in ipairs(redis.call('HKEYS', KEYS[3])) do
    redis.call('HSET', KEYS[3], value, (holders[value] or 0) + 1)
    drop(value)
  end
end
redis.call('SREM', KEYS[4], ARGV[1])
redis.call('UNLINK', KEYS[1], KEYS[2])
return {'ok'}
)lua";

}  // namespace

RedisScript::RedisScript(std::string text)
    : text_(std::move(text)), sha1_(Sha1Hex(text_)) {}

RedisCommand RedisScript::Call(
    const std::vector<std::string>& keys,
    const std::vector<std::string>& arguments) const {
  RedisCommand command = {"EVALSHA", sha1_, absl::StrCat(keys.size())};
  command.insert(command.end(), keys.begin(), keys.end());
  command.insert(command.end(), arguments.begin(), arguments.end());
  return command;
}

std::vector<RedisCommand> RedisScripts::Load() const {
  std::vector<RedisCommand> commands;
  for (const RedisScript* script : All()) commands.push_back(script->Load());
  return commands;
}

std::vector<const RedisScript*> RedisScripts::All() const {
  return {&claim,  &release, &bury,   &close,  &acquire, &look, &commit,
          &remove, &remind,  &unbury, &forget, &due,     &tell, &hear};
}

const std::string* RedisScripts::FindText(const std::string& sha1) const {
  for (const RedisScript* script : All()) {
    if (script->sha1() == sha1) return &script->text();
  }
  return nullptr;
}

const RedisScripts& RedisScripts::Get() {
  static const auto* const scripts = new RedisScripts{
      RedisScript(kClaim),
      RedisScript(kRelease),
      RedisScript(kBury),
      RedisScript(kClose),
      RedisScript(absl::StrCat(kNow, kLease, kAcquire)),
      RedisScript(absl::StrCat(kNow, kLease, kLook)),
      RedisScript(absl::StrCat(kNow, kLease, kParse, kDrop, kCommit)),
      RedisScript(absl::StrCat(kParse, kDrop, kRemove)),
      RedisScript(absl::StrCat(kNow, kRemind)),
      RedisScript(kUnbury),
      RedisScript(kForget),
      RedisScript(absl::StrCat(kNow, kDue)),
      RedisScript(absl::StrCat(kNow, kTell)),
      RedisScript(absl::StrCat(kNow, kHear))};
  return *scripts;
}

}  // namespace mneme
