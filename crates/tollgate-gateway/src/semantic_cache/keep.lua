-- Keeps an answer, numbered in its partition so that gateways can ask for what is new, and drops the oldest beyond the bound.
-- KEYS: index of the partition, entry. ARGV: mark, partition, embedding, answer, milliseconds, most entries, what keys of
-- entries begin with.
redis.call('DEL', KEYS[2])
redis.call('HSET', KEYS[2], 'p', ARGV[2], 'v', ARGV[3], 'a', ARGV[4])
redis.call('PEXPIRE', KEYS[2], ARGV[5])
local time = redis.call('TIME')
local number = tonumber(time[1]) * 1000000 + tonumber(time[2])
local last = redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')
if last[2] and tonumber(last[2]) >= number then
    number = tonumber(last[2]) + 1
end
redis.call('ZADD', KEYS[1], string.format('%.0f', number), ARGV[1])
local over = redis.call('ZCARD', KEYS[1]) - tonumber(ARGV[6])
if over > 0 then
    for _, old in ipairs(redis.call('ZRANGE', KEYS[1], 0, over - 1)) do
        redis.call('DEL', ARGV[7] .. old)
    end
    redis.call('ZREMRANGEBYRANK', KEYS[1], 0, over - 1)
end
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[5]) then
    redis.call('PEXPIRE', KEYS[1], ARGV[5])
end
return 1
