-- Lets an entry that waits pass. KEYS: the entry. ARGV: boot, uptime,
-- lifetime. Answer: 1 if it did wait.

local value = call('GET', KEYS[1])
local n, waited, b, u, w, delay, keep, text = string.match(value or '',
	'^w (%d+) (%d+) (%d+) (%-?%d+) (%d+) (%d+) (%d+)(\n.*)$')
if not n then
	return 0
end
local age = since(b, u, w) + waited
if age > tonumber(keep) then
	return 0
end
call('SET', KEYS[1], 'p ' .. n .. ' ' .. age .. ' ' .. now .. ' ' ..
	delay .. ' ' .. ARGV[3] .. text, 'PX', ARGV[3])
return 1
