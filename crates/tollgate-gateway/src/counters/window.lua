-- What the scripts for charges and corrections share: the time, and sliding windows. A key of one holds when and how much,
-- alternately, and last what is owed, if anything is.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local STEPS = 64

local function read(held)
    local window = {held = held, first = 1, last = #held, owed = 0, sum = 0}
    if window.last % 2 == 1 then
        window.owed = held[window.last]
        window.last = window.last - 1
    end
    for j = 2, window.last, 2 do
        window.sum = window.sum + held[j]
    end
    return window
end

-- The first that was charged leaves, and what is owed takes its place. Answers how much left, and when.
local function leave(window, length)
    local held = window.held
    local at, gone = held[window.first] + length, held[window.first + 1]
    local back = math.min(window.owed, gone)
    window.first = window.first + 2
    window.sum = window.sum - gone + back
    window.owed = window.owed - back
    if back > 0 then
        held[window.last + 1] = at
        held[window.last + 2] = back
        window.last = window.last + 2
    end
    return gone, at
end

-- So many windows pass in which all that leaves is replaced by what is owed.
local function pass(window, windows, length)
    for j = window.first, window.last, 2 do
        window.held[j] = window.held[j] + windows * length
    end
    window.owed = window.owed - windows * window.sum
end

-- Forgets what has left the window, and what a clock that was set back left ahead.
local function turn(window, length)
    while window.last > window.first and window.held[window.last - 1] > now + length do
        window.sum = window.sum - window.held[window.last]
        window.last = window.last - 2
    end
    if window.owed > 0 and window.sum > 0 then
        local passed = math.max(0, math.floor((now - window.held[window.last - 1]) / length))
        pass(window, math.min(passed, math.floor(window.owed / window.sum)), length)
    end
    while window.last > window.first and window.held[window.first] + length <= now do
        leave(window, length)
    end
    if window.sum == 0 then
        window.owed = 0
    end
end

-- How many ms until this much has left; -1 when that is more than there is.
local function room_in(window, over, length)
    if over <= 0 then
        return 0
    end
    local copy = {held = {}, first = window.first, last = window.last, owed = window.owed, sum = window.sum}
    for j = window.first, window.last do
        copy.held[j] = window.held[j]
    end
    if copy.owed > 0 then
        local windows = math.floor(math.min(copy.owed, over - 1) / copy.sum)
        over = over - windows * copy.sum
        pass(copy, windows, length)
    end
    while copy.last > copy.first do
        local gone, at = leave(copy, length)
        over = over - gone
        if over <= 0 then
            return math.max(0, at - now)
        end
    end
    return -1
end

-- Adds what is charged now, together with what was charged within the same step.
local function push(window, amount, step)
    local held, n = window.held, window.last
    window.sum = window.sum + amount
    local last = n > window.first and held[n - 1]
    if last and (n - window.first + 1 >= 4 * STEPS or last >= now or math.floor(last / step) == math.floor(now / step)) then
        held[n - 1] = math.max(last, now)
        held[n] = held[n] + amount
    else
        held[n + 1] = now
        held[n + 2] = amount
        window.last = n + 2
    end
end

local function write(key, window, length)
    local held = {}
    for j = window.first, window.last do
        held[#held + 1] = window.held[j]
    end
    if #held == 0 then
        return
    end
    local lasts = length
    if window.owed > 0 then
        held[#held + 1] = window.owed
        lasts = length * (1 + math.ceil(window.owed / window.sum))
    end
    redis.call('SET', key, cmsgpack.pack(held), 'PX', string.format('%.0f', lasts))
end

