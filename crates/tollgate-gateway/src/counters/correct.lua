-- Adds to counters, or gives back what was charged too much; never refuses.
-- KEYS: the counters. ARGV, five for each: kind (0 sliding, 1 fixed, 2 forever), length and origin in ms, amount, and since when
-- what was charged may be given back.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local STEPS = 64

local function slide(held, length, amount, since)
    local kept = {}
    for j = 1, #held, 2 do
        if held[j] + length > now and held[j] <= now + length then
            local charged = held[j + 1]
            if amount < 0 and held[j] >= since then
                local given = math.min(-amount, charged)
                charged = charged - given
                amount = amount + given
            end
            kept[#kept + 1] = held[j]
            kept[#kept + 1] = charged
        end
    end
    if amount > 0 then
        local step = math.max(1, math.floor(length / STEPS))
        local n = #kept
        local last = kept[n - 1]
        if last and (n >= 4 * STEPS or last >= now or math.floor(last / step) == math.floor(now / step)) then
            kept[n - 1] = math.max(last, now)
            kept[n] = kept[n] + amount
        else
            kept[n + 1] = now
            kept[n + 2] = amount
        end
    end
    return kept
end

for i, key in ipairs(KEYS) do
    local a = (i - 1) * 5
    local kind, length, origin = tonumber(ARGV[a + 1]), tonumber(ARGV[a + 2]), tonumber(ARGV[a + 3])
    local amount, since = tonumber(ARGV[a + 4]), tonumber(ARGV[a + 5])
    local raw = redis.call('GET', key)
    local held = raw and cmsgpack.unpack(raw) or {}
    if kind == 0 then
        held = slide(held, length, amount, since)
        if #held > 0 then
            redis.call('SET', key, cmsgpack.pack(held), 'PX', length)
        end
    else
        local period = 0
        if kind == 1 then
            period = math.floor((now - origin) / length)
        end
        if held[1] ~= period then
            held = {period, 0}
        end
        if amount > 0 or kind == 2 or math.floor((since - origin) / length) == period then
            held[2] = math.max(0, held[2] + amount)
        end
        if kind == 1 then
            local ends = origin + (period + 1) * length
            redis.call('SET', key, cmsgpack.pack(held), 'PX', math.max(1, ends - now))
        else
            redis.call('SET', key, cmsgpack.pack(held))
        end
    end
end
return 1
