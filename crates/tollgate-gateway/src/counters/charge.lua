-- Charges every counter if each has the room that is needed, else none. After `window.lua`.
-- KEYS: the counters. ARGV, six for each: kind (0 sliding, 1 fixed, 2 forever), length and origin in ms, limit, needed, amount.
-- Answers whether all were charged (0 or 1) and the time, then for each counter what it counts before the charge and how many ms
-- until there is room or the period ends (-1 when time alone makes none).
local admitted = 1
local answer = {1, now}
local counters = {}
-- What one key holds, for charges of one counter in one call.
local known = {}

for i, key in ipairs(KEYS) do
    local a = (i - 1) * 6
    local kind, length, origin = tonumber(ARGV[a + 1]), tonumber(ARGV[a + 2]), tonumber(ARGV[a + 3])
    local limit, needed, amount = tonumber(ARGV[a + 4]), tonumber(ARGV[a + 5]), tonumber(ARGV[a + 6])
    local raw = not known[key] and redis.call('GET', key)
    local held = raw and cmsgpack.unpack(raw) or {}
    local used, wait = 0, -1
    if kind == 0 then
        if not known[key] then
            known[key] = read(held)
            turn(known[key], length)
        end
        used = known[key].sum + known[key].owed
        wait = room_in(known[key], used + needed - limit, length)
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
        known[key] = known[key] or held
        used = known[key][2]
    end
    if used + needed > limit then
        admitted = 0
    end
    answer[#answer + 1] = used
    answer[#answer + 1] = wait
    counters[i] = {kind = kind, length = length, limit = limit, amount = amount, wait = wait}
end

answer[1] = admitted
if admitted == 0 then
    return answer
end
for i, key in ipairs(KEYS) do
    local counter, held = counters[i], known[key]
    if counter.amount > 0 then
        if counter.kind == 0 then
            local step = 1
            if counter.limit > STEPS then
                step = math.max(1, math.floor(counter.length / STEPS))
            end
            push(held, counter.amount, step)
            write(key, held, counter.length)
        else
            held[2] = held[2] + counter.amount
            if counter.kind == 1 then
                redis.call('SET', key, cmsgpack.pack(held), 'PX', math.max(1, counter.wait))
            else
                redis.call('SET', key, cmsgpack.pack(held))
            end
        end
    end
end
return answer
