-- A try of a message. store.h says what must come of it. With a delay below
-- 0, all entries are to have passed, whatever is known.
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
--
-- Redis runs one script at a time, so what this takes is what messages wait
-- for. Hence: numbers that are only passed on stay texts, tables are made
-- when there is an entry to hold, and there are no functions, which
-- would be made anew in each run, with all that they refer to.

local LINE = '^(%a) (%d+) (%d+) (%d+) (%-?%d+) (%d+) '
local delay = tonumber(ARGV[3])
local window, lifetime
-- Of each entry that counts.
local state, tries, ages

for i = 1, #KEYS do
	local value = call('GET', KEYS[i])
	local s, n, waited, b, u, w
	if value then
		s, n, waited, b, u, w = string.match(value, LINE)
	end
	if s then
		window = window or tonumber(ARGV[4])
		lifetime = lifetime or tonumber(ARGV[5])
		local idle = b == boot and uptime - u or wall - w
		if idle < 0 then
			idle = 0
		end
		local a = idle + waited
		if s == 'p' and idle <= lifetime or s == 'w' and a <= window then
			if not state then
				-- With room for a message's usual two.
				state, tries, ages = {0, 0}, {0, 0}, {false, false}
			end
			state[i], tries[i], ages[i] = s, n, a
		end
	end
end

-- The first try of all recipients; of spam there is little else.
local last = ' ' .. now .. ' ' .. ARGV[3] .. ' '
if not state and delay >= 0 then
	local head = 'w 1 0' .. last .. ARGV[4] .. '\n'
	for i = 1, #KEYS do
		call('SET', KEYS[i], head .. ARGV[6 + i], 'PX', ARGV[4])
	end
	return {0, 0, 1, delay, 0}
end

ages = ages or {}
local origins = tonumber(ARGV[6])
local pass, known, wait, age = true, true, 0, nil

for from = 1, #KEYS, origins do
	local passes, passed, oldest = delay < 0, false, 0
	for i = from, from + origins - 1 do
		local a = ages[i]
		if a then
			passed = passed or state[i] == 'p'
			passes = passes or passed or a >= delay
			if a > oldest then
				oldest = a
			end
		end
	end
	known = known and passed
	if not age or oldest < age then
		age = oldest
	end
	if not passes then
		pass = false
		wait = math.max(wait, delay - oldest)
	end
end

local form, keep = 'w %d %d', ARGV[4]
if pass then
	form, keep = 'p %d %d', ARGV[5]
end
last = last .. keep .. '\n'
for from = 1, #KEYS, origins do
	-- A new entry is as old as the recipient's oldest.
	local oldest = 0
	for i = from, from + origins - 1 do
		local a = ages[i]
		if a and a > oldest and (pass or state[i] == 'w') then
			oldest = a
		end
	end
	for i = from, from + origins - 1 do
		local a = ages[i]
		if pass or not a or state[i] == 'w' then
			local n, left = a and tries[i] + 1 or 1, keep
			a = a or oldest
			if not pass and a > 0 then
				left = string.format('%d', math.max(window - a, 1))
			end
			call('SET', KEYS[i], string.format(form, n, a) ..
				last .. ARGV[6 + i], 'PX', left)
		end
	end
end

return {pass and 1 or 0, pass and known and 1 or 0, 0, wait, age}
