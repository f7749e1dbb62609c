-- Whether amounts fit into sliding windows; all of them, or none is taken.
--
-- KEYS: the rates. ARGV: boot, uptime, whether to take, then limit, amount
-- and interval of each.
-- A rate is: BOOT UPTIME WALL USED LAST REFUSED, where the interval began,
-- what was used in it and in the one before, and how often it refused.
-- Answer: over, which (from 0), wait, used, refused.

local LINE = '^(%d+) (%-?%d+) (%d+) (%d+) (%d+) (%d+)$'
local take = ARGV[3] == '1'
local over, which, longest, used, refusals = false, 1, -1, 0, 0
local values = {}

-- How long until it fits: in this interval, or else in the next. Whole
-- numbers only, so that it does fit then.
local function patience(free, last, current, elapsed, interval)
	local wait
	if current <= free then
		wait = interval - math.floor((free - current) * interval / last)
	else
		wait = 2 * interval - math.floor(free * interval / current)
	end
	return math.max(wait - elapsed, 1)
end

-- Rate i as it is now: where its interval began, what was used in it and
-- the last, refusals, and how old it is.
local function read(i, interval)
	local value = redis.call('GET', KEYS[i])
	local b, u, w, current, last, refused = string.match(value or '', LINE)
	if not b then
		return boot, uptime, wall, 0, 0, 0, 0
	end
	local elapsed = since(b, u, w)
	if elapsed < 0 then
		-- A clock was set back: the interval begins again.
		b, u, w, elapsed = boot, uptime, wall, 0
	end
	local past = math.floor(elapsed / interval)
	if past > 0 then
		last = past == 1 and current or 0
		current, refused = 0, 0
		u, w = u + past * interval, w + past * interval
	end
	return b, u, w, tonumber(current), tonumber(last), tonumber(refused),
		elapsed - past * interval
end

for i = 1, #KEYS do
	local limit, amount = tonumber(ARGV[3 * i + 1]), tonumber(ARGV[3 * i + 2])
	local interval = tonumber(ARGV[3 * i + 3])
	local b, u, w, current, last, refused, elapsed = read(i, interval)
	local left = last * (interval - elapsed)
	local wait = 0
	if left + (current + amount - limit) * interval > 0 then
		over = true
		refused = refused + (take and 1 or 0)
		wait = patience(limit - amount, last, current, elapsed, interval)
	end
	if wait > longest then
		which, longest, refusals = i, wait, refused
		used = math.floor(left / interval) + current
	end
	values[i] = {b .. ' ' .. u .. ' ' .. w .. ' ', current, amount,
		' ' .. last .. ' ' .. refused, 2 * interval - elapsed}
end

if take then
	for i = 1, #KEYS do
		local v = values[i]
		redis.call('SET', KEYS[i],
			v[1] .. v[2] + (over and 0 or v[3]) .. v[4],
			'PX', v[5])
	end
end

return {over and 1 or 0, which - 1, math.max(longest, 0), used, refusals}
