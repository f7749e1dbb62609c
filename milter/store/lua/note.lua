-- A good message of a domain: one more on end, and known for longer.
-- KEYS: the domain. ARGV: boot, uptime, lifetime.
-- A record is: GOOD BOOT UPTIME LIFETIME. That it ends by the wall clock is
-- left to its expiry; by uptime it is seen when it is read.

local good = 0
local value = redis.call('GET', KEYS[1])
if value then
	local n, b, u, lifetime =
		string.match(value, '^(%d+) (%d+) (%-?%d+) (%d+)$')
	if n and (b ~= ARGV[1] or ARGV[2] - u <= tonumber(lifetime)) then
		good = n
	end
end
redis.call('SET', KEYS[1], good + 1 .. ' ' .. ARGV[1] .. ' ' .. ARGV[2] ..
	' ' .. ARGV[3], 'PX', ARGV[3])
return 1
