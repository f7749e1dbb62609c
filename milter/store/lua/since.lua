-- Follows time.lua where what a function costs does not matter.
-- Milliseconds since then, by uptime if the same boot saw it.

local function since(then_boot, then_uptime, then_wall)
	local ms
	if then_boot == boot then
		ms = uptime - then_uptime
	else
		ms = wall - then_wall
	end
	return ms > 0 and ms or 0
end
