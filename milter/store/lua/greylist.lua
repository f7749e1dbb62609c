-- A try of a message. store.h says what must come of it.
--
-- KEYS: the entries, all origins of the first recipient first.
-- ARGV: boot, uptime, delay, window, lifetime, number of origins, then the
-- text of each entry.
-- An entry is a line, and its text:
--   p|w TRIES WAITED BOOT UPTIME WALL DELAY KEEP
-- p: has passed, w: waits; from the first try to the last it WAITED; when
-- the last was; what a list shows. So a clock that is set between two tries
-- counts for the time between them only.
-- Answer: passes, passed before, first try, wait, age.

local LINE = '^(%a) (%d+) (%d+) (%d+) (%-?%d+) (%d+) '
local delay, window = tonumber(ARGV[3]), tonumber(ARGV[4])
local lifetime, origins = tonumber(ARGV[5]), tonumber(ARGV[6])
-- Of each entry that counts; of each recipient, the age of its oldest.
local state, tries, ages = {}, {}, {}
local oldest, waiting = {}, {}
local pass, known, first, wait, age = true, true, true, 0, nil

-- Reads entry i; returns whether it lets its recipient pass.
local function read(i)
	local value = call('GET', KEYS[i])
	if not value then
		return false
	end
	local s, n, waited, b, u, w = string.match(value, LINE)
	if not s then
		return false
	end
	local idle = since(b, u, w)
	local a = idle + waited
	if s == 'p' and idle > lifetime or s == 'w' and a > window then
		return false
	end
	state[i], tries[i], ages[i] = s, n, a
	return s == 'p' or a >= delay
end

for r = 0, #KEYS / origins - 1 do
	local passes, passed = false, false
	for i = r * origins + 1, (r + 1) * origins do
		passes = read(i) or passes
		local a = ages[i]
		if a then
			oldest[r] = math.max(oldest[r] or 0, a)
			if state[i] == 'p' then
				passed = true
			else
				waiting[r] = math.max(waiting[r] or 0, a)
			end
		end
	end
	local a = oldest[r] or 0
	first = first and not oldest[r]
	known = known and passed
	age = math.min(age or a, a)
	if not passes then
		pass = false
		wait = math.max(wait, delay - a)
	end
end

local tail = ' ' .. now .. ' ' .. ARGV[3] .. ' ' ..
	(pass and ARGV[5] or ARGV[4]) .. '\n'
for i = 1, #KEYS do
	if pass or state[i] ~= 'p' then
		local r = math.floor((i - 1) / origins)
		local a = ages[i] or (pass and oldest or waiting)[r]
		local n = tries[i] and tries[i] + 1 or '1'
		local left = pass and ARGV[5] or a and math.max(window - a, 1)
		call('SET', KEYS[i],
			(pass and 'p ' or 'w ') .. n .. ' ' .. (a or '0') ..
			tail .. ARGV[6 + i], 'PX', left or ARGV[4])
	end
end

return {pass and 1 or 0, pass and known and 1 or 0,
	not pass and first and 1 or 0, wait, age}
