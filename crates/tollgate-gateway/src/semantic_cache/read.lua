-- Embeddings of a partition that came after a number, the oldest first: number, mark, milliseconds that are left, embedding.
-- What has ended is taken out of the index and given without an embedding.
-- KEYS: index of the partition. ARGV: number, most entries, what keys of entries begin with.
local found = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. ARGV[1], '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[2])
local entries = {}
for i = 1, #found, 2 do
    local key = ARGV[3] .. found[i]
    local embedding = redis.call('HGET', key, 'v')
    if embedding then
        entries[#entries + 1] = { found[i + 1], found[i], redis.call('PTTL', key), embedding }
    else
        redis.call('ZREM', KEYS[1], found[i])
        entries[#entries + 1] = { found[i + 1], found[i], 0, '' }
    end
end
return entries
