-- Begins each script that knows time. ARGV[1] is the boot of the host that
-- asks, ARGV[2] its uptime; the wall clock is ours. All in milliseconds.
-- Boots stay texts: a double does not hold 64 bits.

local boot, uptime = ARGV[1], tonumber(ARGV[2])
local time = redis.call('TIME')
local wall = time[1] * 1000 + math.floor(time[2] / 1000)
local now = boot .. ' ' .. ARGV[2] .. ' ' .. wall

-- Milliseconds since then, by uptime if the same boot saw it. Below 0 if a
-- clock was set back.
local function since(then_boot, then_uptime, then_wall)
	if then_boot == boot then
		return uptime - then_uptime
	end
	return wall - then_wall
end
