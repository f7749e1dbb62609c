-- Begins each script that knows time. ARGV[1] is the boot of the host that
-- asks, ARGV[2] its uptime; the wall clock is ours. All in milliseconds.
-- Boots stay texts: a double does not hold 64 bits. So do numbers that are
-- only handed on, since to write a double down takes long.

local call, KEYS, ARGV = redis.call, KEYS, ARGV
local time = call('TIME')
local boot, uptime = ARGV[1], ARGV[2]
local wall = string.format('%s%03d', time[1], time[2] / 1000)
local now = boot .. ' ' .. uptime .. ' ' .. wall
