# Completion of gatepost for bash. It asks the command itself what there is,
# so that it knows no verb and no option that gatepost does not know.

# _gatepost_usage [VERB]: the line of usage, or the verbs.
_gatepost_usage() {
	if [ $# -eq 0 ]; then
		gatepost help 2>/dev/null |
			sed -n 's/^  gatepost \([a-z]*\).*/\1/p'
	else
		gatepost help "$1" 2>/dev/null | sed -n 's/^usage: //p'
	fi
}

# The options that a line of usage names.
_gatepost_options() {
	grep -oE -- '(^|[[ |])--?[a-z][a-z-]*' <<<"$1" | tr -d '[ |'
}

# The words of which a line of usage wants one: "check|show", "list … |".
_gatepost_actions() {
	case $1 in
	config) echo check show example manual ;;
	greylist) echo list release forget allow allowed ;;
	help) _gatepost_usage ;;
	quarantine) echo list show export release delete stats reindex ;;
	scanner) echo status ;;
	esac
}

# What may stand behind an option.
_gatepost_values() {
	case $1 in
	--action) echo accept tag reject tempfail greylist ratelimit quarantine ;;
	--class) echo virus spam dmarc attachment unscanned ;;
	--direction) echo in out ;;
	--limit) echo 50 500 all ;;
	--since | --until) echo 1h 1d 1w today yesterday now ;;
	--state) echo held released ;;
	--symbol)
		# Those of the checks, and those of the lists in force.
		gatepost config manual 2>/dev/null |
			sed -n 's/^\.B \([A-Z][A-Z0-9_]*\)$/\1/p'
		gatepost lists 2>/dev/null |
			sed -n 's/^[^"]*"[0-9.*-]* \([A-Z][A-Z0-9_]*\) .*/\1/p'
		;;
	--set)
		# "section.name=" of each setting.
		gatepost config show 2>/dev/null | awk '
			/^[a-z_]+ \{/ { section = $1 "." }
			/^}/ { section = "" }
			/^[ \t]*[a-z_0-9]+ = / && section != "score." \
				{ print section $1 "=" }'
		;;
	esac
}

_gatepost() {
	local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
	local verb=${COMP_WORDS[1]} values
	COMPREPLY=()
	if [ "$COMP_CWORD" -eq 1 ]; then
		mapfile -t COMPREPLY < <(compgen -W \
			"$(_gatepost_usage) help --help --version" -- "$current")
		return
	fi
	case $previous in
	-c | --output | --plot)
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
		return
		;;
	esac
	values=$(_gatepost_values "$previous")
	if [ -n "$values" ]; then
		mapfile -t COMPREPLY < <(compgen -W "$values" -- "$current")
		case ${COMPREPLY[*]} in
		*=) compopt -o nospace 2>/dev/null || true ;;
		esac
		return
	fi
	if [[ $current == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W \
			"$(_gatepost_options "$(_gatepost_usage "$verb")") --help" \
			-- "$current")
		return
	fi
	mapfile -t COMPREPLY < <(compgen -W "$(_gatepost_actions "$verb")" \
		-- "$current")
	case $verb in
	check | config)
		mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(
			compgen -f -- "$current")
		;;
	esac
}

complete -o filenames -F _gatepost gatepost
