-- Whether amounts fit into sliding windows; all of them, or none is taken.
--
-- KEYS: the rates. ARGV: boot, uptime, whether to take, then limit, amount
-- and interval of each.
-- A rate is: BOOT UPTIME WALL USED BEFORE REFUSED: when the interval began,
-- what was used in it and in the one before, and how often it refused.
-- Answer: over, which (from 0), wait, used, refused.

local LINE = '^(%d+) (%-?%d+) (%d+) (%d+) (%d+) (%d+)$'
local take = ARGV[3] == '1'
local over, which, longest, estimate, refusals = false, 1, -1, 0, 0
local values = {}

-- How long until it fits: in this interval, or else in the next. Whole
-- numbers only, so that it does fit then.
local function patience(free, before, used, age, interval)
	local wait
	if used <= free then
		wait = interval - math.floor((free - used) * interval / before)
	else
		wait = 2 * interval - math.floor(free * interval / used)
	end
	return math.max(wait - age, 1)
end

-- Rate i as it is now: how old its interval is, what was used in it and in
-- the one before, refusals.
local function read(i, interval)
	local b, u, w, used, before, refused = string.match(
		call('GET', KEYS[i]) or '', LINE)
	local age = b and since(b, u, w)
	if not b or age >= 2 * interval then
		return 0, 0, 0, 0
	end
	if age >= interval then
		return age - interval, 0, tonumber(used), 0
	end
	return age, tonumber(used), tonumber(before), tonumber(refused)
end

for i = 1, #KEYS do
	local limit, amount = tonumber(ARGV[3 * i + 1]), tonumber(ARGV[3 * i + 2])
	local interval = tonumber(ARGV[3 * i + 3])
	local age, used, before, refused = read(i, interval)
	local left = before * (interval - age)
	local wait = 0
	if left + (used + amount - limit) * interval > 0 then
		over = true
		refused = refused + (take and 1 or 0)
		wait = patience(limit - amount, before, used, age, interval)
	end
	if wait > longest then
		which, longest, refusals = i, wait, refused
		estimate = used + math.ceil(left / interval)
	end
	values[i] = {age, used, amount, before .. ' ' .. refused,
		2 * interval - age}
end

-- An interval that is so old began so long ago, by either clock. A clock
-- that was ahead is so forgotten.
if take then
	for i = 1, #KEYS do
		local age, used, amount, rest, keep = unpack(values[i])
		if over then
			amount = 0
		end
		call('SET', KEYS[i], boot .. ' ' .. uptime - age .. ' ' ..
			wall - age .. ' ' .. used + amount .. ' ' .. rest,
			'PX', keep)
	end
end

return {over and 1 or 0, which - 1, math.max(longest, 0), estimate, refusals}
