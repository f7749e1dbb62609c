-- A try of a message. store.h says what must come of it.
--
-- KEYS: the entries, all origins of the first recipient first.
-- ARGV: boot, uptime, delay, window, lifetime, number of origins, then the
-- text of each entry.
-- An entry is a line, and its text:
--   p|w TRIES BOOT UPTIME WALL BOOT UPTIME WALL DELAY KEEP
-- p: has passed, w: waits; the first try; the last; what a list shows.
-- Answer: passes, passed before, first try, wait, age.

local LINE = '^(%a) (%d+) ((%d+) (%-?%d+) (%d+)) ' ..
	'(%d+) (%-?%d+) (%d+) %d+ %d+\n'
local delay, window = tonumber(ARGV[3]), tonumber(ARGV[4])
local lifetime, origins = tonumber(ARGV[5]), tonumber(ARGV[6])
-- Of each entry that counts; of each recipient, its oldest.
local state, tries, first, ages = {}, {}, {}, {}
local oldest, oldest_age, waiting, waiting_age = {}, {}, {}, {}
local pass, known, fresh, wait, age = true, true, true, 0, nil

-- Reads entry i; returns whether it lets its recipient pass.
local function read(i)
	local value = redis.call('GET', KEYS[i])
	if not value then
		return false
	end
	local s, n, f, fb, fu, fw, lb, lu, lw = string.match(value, LINE)
	if not s then
		return false
	end
	local a = since(fb, fu, fw)
	if a < 0 then
		a, f = 0, now
	end
	if s == 'p' and since(lb, lu, lw) > lifetime or
			s == 'w' and a > window then
		return false
	end
	state[i], tries[i], first[i], ages[i] = s, n, f, a
	return s == 'p' or a >= delay
end

for r = 0, #KEYS / origins - 1 do
	local passes, passed = false, false
	for i = r * origins + 1, (r + 1) * origins do
		passes = read(i) or passes
		passed = passed or state[i] == 'p'
		local a = ages[i]
		if a and a >= (oldest_age[r] or 0) then
			oldest[r], oldest_age[r] = first[i], a
		end
		if a and state[i] == 'w' and a >= (waiting_age[r] or 0) then
			waiting[r], waiting_age[r] = first[i], a
		end
	end
	local a = oldest_age[r]
	fresh = fresh and not a
	known = known and passed
	age = math.min(age or a or 0, a or 0)
	if not passes then
		pass = false
		wait = math.max(wait, delay - (a or 0))
	end
end

for i = 1, #KEYS do
	local r = math.floor((i - 1) / origins)
	local s, f, keep, left
	if pass then
		s, f, keep, left = 'p', first[i] or oldest[r], lifetime, lifetime
	elseif state[i] ~= 'p' then
		s, f, keep = 'w', first[i] or waiting[r] or now, window
		left = window - (ages[i] or waiting_age[r] or 0)
	end
	if s then
		redis.call('SET', KEYS[i], s .. ' ' .. (tries[i] or 0) + 1 ..
			' ' .. f .. ' ' .. now .. ' ' .. delay .. ' ' ..
			keep .. '\n' .. ARGV[6 + i],
			'PX', math.max(left, 1))
	end
end

return {pass and 1 or 0, pass and known and 1 or 0,
	fresh and 1 or 0, wait, age}
