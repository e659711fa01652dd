-- Adds to counters, or gives back what was charged too much; never refuses. After `window.lua`.
-- KEYS: the counters. ARGV, six for each: kind (0 sliding, 1 fixed, 2 forever), length and origin in ms, amount, since when what
-- was charged may be given back, and what a sliding window takes in of what is added before the rest is owed (-1 for all).
local function slide(window, length, amount, since, limit)
    turn(window, length)
    if amount < 0 then
        -- What was charged has left, and what is there now is what others were charged; unless it was owed.
        if window.owed == 0 and since + length <= now then
            return
        end
        local given = math.min(-amount, window.owed)
        window.owed = window.owed - given
        amount = amount + given
        local held = window.held
        for j = window.first, window.last, 2 do
            if held[j] >= since then
                given = math.min(-amount, held[j + 1])
                held[j + 1] = held[j + 1] - given
                window.sum = window.sum - given
                amount = amount + given
            end
        end
        return
    end
    if limit >= 0 then
        local room = math.max(0, limit - window.sum)
        if window.sum == 0 then
            room = math.max(1, limit)
        end
        local counts = math.min(amount, room)
        window.owed = window.owed + amount - counts
        amount = counts
    end
    if amount > 0 then
        push(window, amount, math.max(1, math.floor(length / STEPS)))
    end
end

for i, key in ipairs(KEYS) do
    local a = (i - 1) * 6
    local kind, length, origin = tonumber(ARGV[a + 1]), tonumber(ARGV[a + 2]), tonumber(ARGV[a + 3])
    local amount, since, limit = tonumber(ARGV[a + 4]), tonumber(ARGV[a + 5]), tonumber(ARGV[a + 6])
    local raw = redis.call('GET', key)
    local held = raw and cmsgpack.unpack(raw) or {}
    if kind == 0 then
        local window = read(held)
        slide(window, length, amount, since, limit)
        write(key, window, length)
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
