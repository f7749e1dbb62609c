-- Lets an entry that waits pass. KEYS: the entry. ARGV: boot, uptime,
-- lifetime. Answer: 1 if it did wait.

local value = redis.call('GET', KEYS[1])
if not value or string.sub(value, 1, 1) ~= 'w' then
	return 0
end
local head, delay, text = string.match(value,
	'^w (%d+ %d+ %-?%d+ %d+) %d+ %-?%d+ %d+ (%d+) %d+(\n.*)$')
if not head then
	return 0
end
redis.call('SET', KEYS[1], 'p ' .. head .. ' ' .. now .. ' ' .. delay ..
	' ' .. ARGV[3] .. text, 'PX', ARGV[3])
return 1
