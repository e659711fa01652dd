-- Charges every counter if each has the room that is needed, else none.
-- KEYS: the counters. ARGV, six for each: kind (0 sliding, 1 fixed, 2 forever), length and origin in ms, limit, needed, amount.
-- Answers whether all were charged (0 or 1) and the time, then for each counter what it counts before the charge and how many ms
-- until there is room or the period ends (-1 when time alone makes none).
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local STEPS = 64
local admitted = 1
local answer = {1, now}
local counters = {}
-- What one key holds, for charges of one counter in one call.
local held_by_key = {}

for i, key in ipairs(KEYS) do
    local a = (i - 1) * 6
    local kind, length, origin = tonumber(ARGV[a + 1]), tonumber(ARGV[a + 2]), tonumber(ARGV[a + 3])
    local limit, needed, amount = tonumber(ARGV[a + 4]), tonumber(ARGV[a + 5]), tonumber(ARGV[a + 6])
    local raw = redis.call('GET', key)
    local held = raw and cmsgpack.unpack(raw) or {}
    local used, wait = 0, -1
    if kind == 0 then
        -- When and how much, alternately; what has left the window is dropped, and so is what a clock set back left ahead.
        local kept = {}
        for j = 1, #held, 2 do
            if held[j] + length > now and held[j] <= now + length then
                kept[#kept + 1] = held[j]
                kept[#kept + 1] = held[j + 1]
                used = used + held[j + 1]
            end
        end
        held = kept
        local over = used + needed - limit
        if over <= 0 then
            wait = 0
        else
            for j = 1, #held, 2 do
                over = over - held[j + 1]
                if over <= 0 then
                    wait = held[j] + length - now
                    break
                end
            end
        end
    else
        -- The number of the period and what was charged in it.
        local period = 0
        if kind == 1 then
            period = math.floor((now - origin) / length)
            wait = origin + (period + 1) * length - now
        end
        if held[1] ~= period then
            held = {period, 0}
        end
        used = held[2]
    end
    if used + needed > limit then
        admitted = 0
    end
    held_by_key[key] = held_by_key[key] or held
    held = held_by_key[key]
    answer[#answer + 1] = used
    answer[#answer + 1] = wait
    counters[i] = {kind = kind, length = length, held = held, limit = limit, amount = amount, wait = wait}
end

answer[1] = admitted
if admitted == 0 then
    return answer
end
for i, key in ipairs(KEYS) do
    local counter = counters[i]
    local held, amount = counter.held, counter.amount
    if amount > 0 then
        if counter.kind == 0 then
            local step = 1
            if counter.limit > STEPS then
                step = math.max(1, math.floor(counter.length / STEPS))
            end
            local n = #held
            local last = held[n - 1]
            if last and (n >= 4 * STEPS or last >= now or math.floor(last / step) == math.floor(now / step)) then
                held[n - 1] = math.max(last, now)
                held[n] = held[n] + amount
            else
                held[n + 1] = now
                held[n + 2] = amount
            end
            redis.call('SET', key, cmsgpack.pack(held), 'PX', counter.length)
        else
            held[2] = held[2] + amount
            if counter.kind == 1 then
                redis.call('SET', key, cmsgpack.pack(held), 'PX', math.max(1, counter.wait))
            else
                redis.call('SET', key, cmsgpack.pack(held))
            end
        end
    end
end
return answer
