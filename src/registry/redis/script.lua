-- The registry's own commands, each one step for Redis.
-- KEYS: leases, changes, then the entry and its id. ARGV: which command, the lease in ms, then group/name, id, the entry as JSON.
-- Answers: a word, the ms until the next lease ends, and what else the command has to say. All of it text.
local leases, changes, entry, holder = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local what, lease, name, id, json = ARGV[1], tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4]), ARGV[5]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- The longest wait that is told, and how long the two common keys outlive the last member, ms.
local LONGEST, KEPT = 3600000, 7200000

-- Text of a whole number: tostring() loses digits of large ones.
local function text(number)
    return string.format('%.0f', number)
end

-- Reading comes first: a key of the wrong type fails here, before anything is written.
local due = redis.call('ZRANGEBYSCORE', leases, '-inf', text(now), 'LIMIT', 0, 64)
local last = redis.call('XREVRANGE', changes, '+', '-', 'COUNT', 1)[1]

-- Changes are numbered without gaps: the first half of their ids is when the stream began, the second counts.
local began, count
if last then
    began, count = string.match(last[1], '^(%d+)-(%d+)$')
    count = tonumber(count)
end

local function tell(...)
    if not began then
        redis.call('DEL', changes)
        began, count = text(now), -1
    end
    count = count + 1
    redis.call('XADD', changes, 'MAXLEN', '~', 1024, began .. '-' .. text(count), ...)
end

local function string_of(key, most)
    if redis.call('TYPE', key).ok ~= 'string' or redis.call('STRLEN', key) > most then
        return nil
    end
    return redis.call('GET', key)
end

-- The id under this name; 0 where nothing stands there that could be an entry of it.
local function standing()
    local found = string_of(entry, 65536)
    local read, it = pcall(cjson.decode, found or '')
    if not read or type(it) ~= 'table' or type(it.group) ~= 'string' or type(it.name) ~= 'string' or type(it.host) ~= 'string' then
        return 0
    end
    local number = it.id
    if it.group .. '/' .. it.name ~= name or type(number) ~= 'number' then
        return 0
    end
    return number >= 1 and number < 9007199254740992 and number % 1 == 0 and number or 0
end

-- The entry stands, and everybody hears of it.
local function set()
    redis.call('SET', entry, json, 'PX', lease)
    redis.call('SET', holder, name, 'PX', lease)
    redis.call('ZADD', leases, text(now + lease), name)
    tell('name', name, 'entry', json)
end

local function wait()
    local next = redis.call('ZRANGE', leases, 0, 0, 'WITHSCORES')[2]
    return text(next and math.max(0, math.min(tonumber(next) - now, LONGEST)) or LONGEST)
end

-- Takes out whose lease is over. Their keys have ended by themselves.
local function reap()
    local gone = {}
    for _, other in ipairs(due) do
        if other ~= name then
            gone[#gone + 1] = other
        end
    end
    if #gone > 0 then
        redis.call('ZREM', leases, unpack(gone))
    end
    local next = wait()
    for _, other in ipairs(gone) do
        tell('name', other, 'entry', '', 'next', next)
    end
    return next
end

if what == 'put' then
    local stands = standing()
    if stands > id then
        return { 'newer', wait(), text(stands) }
    end
    local other = string_of(holder, 127)
    if other and other ~= name then
        return { 'taken', wait() }
    end
    set()
    redis.call('PEXPIRE', changes, KEPT)
    return { 'done', reap(), began }
elseif what == 'renew' then
    if string_of(entry, 65536) ~= json then
        return { 'gone', wait() }
    end
    redis.call('PEXPIRE', entry, lease)
    redis.call('SET', holder, name, 'PX', lease)
    redis.call('ZADD', leases, text(now + lease), name)
elseif what == 'remove' then
    if standing() == id then
        set()
    end
elseif what == 'list' then
    local answer = { 'done', reap(), began and began .. '-' .. text(count) or '0-0' }
    for _, listed in ipairs(redis.call('ZRANGE', leases, 0, 65535)) do
        answer[#answer + 1] = string.sub(listed, 1, 128)
    end
    return answer
end
redis.call('PEXPIRE', leases, KEPT)
redis.call('PEXPIRE', changes, KEPT)
return { 'done', reap() }
