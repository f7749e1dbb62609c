# Writes Lua scripts as C strings, without comments and indentation.
# Each file FOLDER/NAME.lua becomes redis_lua_NAME.

function name_of(path)
{
	sub(/.*\//, "", path)
	sub(/\.lua$/, "", path)
	return path
}

BEGIN {
	print "/* Made from milter/store/lua by embed.awk. */"
	print "#include \"milter/store/redis_scripts.h\""
}

FNR == 1 {
	if (NR > 1)
		print "\t;"
	print "\nconst char redis_lua_" name_of(FILENAME) "[] ="
}

{
	sub(/^[ \t]+/, "")
	if ($0 == "" || /^--/)
		next
	gsub(/\\/, "&&")
	gsub(/"/, "\\\\&")
	print "\t\"" $0 "\\n\""
}

END {
	print "\t;"
}
